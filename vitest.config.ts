import { defineConfig } from 'vitest/config';

/** `#domain` and its siblings resolve to TypeScript sources here, to `dist/` in production (package.json, "imports"). */
const sourceConditions = { conditions: ['source', 'node', 'import', 'module', 'default'] };

export default defineConfig({
  resolve: sourceConditions,
  ssr: { resolve: sourceConditions },
  test: {
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['libs/**/*.spec.ts', 'apps/**/*.spec.ts', 'scripts/**/*.spec.ts'] },
      },
    ],
  },
});
