import { defineConfig } from 'vitest/config';

/**
 * `#domain` and its siblings resolve to TypeScript sources here, to `dist/` in production (package.json, "imports").
 * Only that condition: Vitest hands them to Node, and `import` would have `require` load the ES half of a package.
 */
const sourceConditions = { conditions: ['source'] };

/**
 * End-to-end and crash files that hold an answer, or the end of a process, to a time that a busy machine would exceed, or
 * that start many servers. They run alone; all others run side by side, since most of their time they wait.
 */
const ALONE = ['test/crash/redis', 'test/e2e/cluster', 'test/e2e/fleet', 'test/e2e/outage', 'test/e2e/shutdown'].map(
  (name) => `${name}.spec.ts`,
);

const ON_REAL_SERVERS = { globalSetup: 'test/support/global-setup.ts', hookTimeout: 60_000 };

export default defineConfig({
  resolve: sourceConditions,
  ssr: { resolve: sourceConditions },
  test: {
    // Files share what they import: no module holds state that a test could leave behind for the next.
    isolate: false,
    // `.ci/run` adds up what each run has counted.
    reporters: ['default', ...(process.env.TEST_TALLY ? ['./test/support/tally-reporter.ts'] : [])],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['libs/**/*.spec.ts', 'apps/**/*.spec.ts', 'scripts/**/*.spec.ts', 'bench/**/*.spec.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/integration/**/*.spec.ts'],
          testTimeout: 20_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          ...ON_REAL_SERVERS,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.spec.ts', 'test/crash/**/*.spec.ts'],
          exclude: ALONE,
          testTimeout: 60_000,
          maxWorkers: 3,
          sequence: { groupOrder: 2 },
          ...ON_REAL_SERVERS,
        },
      },
      {
        extends: true,
        test: {
          name: 'alone',
          include: ALONE,
          testTimeout: 60_000,
          fileParallelism: false,
          sequence: { groupOrder: 3 },
          ...ON_REAL_SERVERS,
        },
      },
      {
        extends: true,
        test: { name: 'chaos', include: ['test/chaos/**/*.spec.ts'], sequence: { groupOrder: 4 } },
      },
    ],
  },
});
