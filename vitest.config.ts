import { defineConfig } from 'vitest/config';

/**
 * `#domain` and its siblings resolve to TypeScript sources here, to `dist/` in production (package.json, "imports").
 * Only that condition: Vitest hands them to Node, and `import` would have `require` load the ES half of a package.
 */
const sourceConditions = { conditions: ['source'] };

export default defineConfig({
  resolve: sourceConditions,
  ssr: { resolve: sourceConditions },
  test: {
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['libs/**/*.spec.ts', 'apps/**/*.spec.ts', 'scripts/**/*.spec.ts'] },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/integration/**/*.spec.ts'],
          globalSetup: 'test/support/global-setup.ts',
          testTimeout: 20_000,
        },
      },
    ],
  },
});
