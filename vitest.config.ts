import { defineConfig } from 'vitest/config';

/**
 * `#domain` and its siblings resolve to TypeScript sources here, to `dist/` in production (package.json, "imports").
 * Only that condition: Vitest hands them to Node, and `import` would have `require` load the ES half of a package.
 */
const sourceConditions = { conditions: ['source'] };

/**
 * End-to-end files that need a gateway and no more than a worker that is at work now and then, and measure no time: they
 * run side by side. A file that is not named here runs alone.
 */
const GATEWAY_FILES = [
  'audit',
  'auth',
  'contract',
  'cross-site',
  'dashboard',
  'defences',
  'errors',
  'hostile-requests',
  'methods',
  'openapi',
  'permissions',
].map((name) => `test/e2e/${name}.spec.ts`);

const ON_REAL_SERVERS = { globalSetup: 'test/support/global-setup.ts', hookTimeout: 60_000 };

export default defineConfig({
  resolve: sourceConditions,
  ssr: { resolve: sourceConditions },
  test: {
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
          name: 'gateway',
          include: GATEWAY_FILES,
          testTimeout: 60_000,
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
          exclude: GATEWAY_FILES,
          testTimeout: 60_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
          ...ON_REAL_SERVERS,
        },
      },
      {
        extends: true,
        test: { name: 'chaos', include: ['test/chaos/**/*.spec.ts'], sequence: { groupOrder: 3 } },
      },
    ],
  },
});
