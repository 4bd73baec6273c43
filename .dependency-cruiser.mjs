/** The arrows of the house (ARCHITECTURE.md). Each lib may import only what stands in its row. */
const MAY_IMPORT = {
  domain: [],
  'job-kit': ['domain'],
  'fhir-store': ['domain', 'job-kit', 'platform'],
  jobs: ['domain', 'job-kit', 'fhir-store'],
  engine: ['domain', 'job-kit'],
  repository: ['domain', 'job-kit', 'engine', 'platform'],
  queues: ['domain', 'engine', 'platform'],
  client: ['domain'],
  platform: [],
};

/** Vendor packages, and the only places that may import them. */
const FENCES = {
  '^node_modules/@nestjs/': '^(apps/|test/|libs/platform/)',
  '^node_modules/bullmq/': '^(libs/queues/|apps/worker/|apps/gateway/src/dashboard/|test/|bench/)',
  '^node_modules/ioredis/': '^(libs/platform/|libs/repository/|libs/queues/|scripts/|test/|bench/)',
  '^node_modules/(@types/)?pg(-copy-streams)?/': '^(libs/fhir-store/|libs/platform/|scripts/|test/|bench/)',
};

const arrows = Object.entries(MAY_IMPORT).map(([lib, allowed]) => ({
  name: `arrow-${lib}`,
  severity: 'error',
  comment: `libs/${lib} may import ${allowed.length ? allowed.join(', ') : 'no other lib'}.`,
  from: { path: `^libs/${lib}/` },
  to: { path: '^(libs|apps)/', pathNot: `^libs/(${[lib, ...allowed].join('|')})/` },
}));

const fences = Object.entries(FENCES).map(([path, pathNot]) => ({
  name: `fence-${path.replace(/[^a-z]/g, '')}`,
  severity: 'error',
  from: { path: '^(apps|libs|scripts|bench)/', pathNot },
  to: { path },
}));

export default {
  forbidden: [
    ...arrows,
    ...fences,
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'front-door',
      severity: 'error',
      comment: "Past a lib's index.ts nobody imports.",
      from: { path: '^(apps|libs|scripts|bench|test)/([^/]+)/' },
      to: { path: '^libs/([^/]+)/src/', pathNot: '^libs/([^/]+)/src/index\\.ts$|^$1/$2/' },
    },
    {
      name: 'no-test-code',
      severity: 'error',
      comment: 'Only chaos, bench and tests are built on test code; npm start and npm run demo are not.',
      from: { path: '^(apps|libs|scripts)/', pathNot: '^scripts/chaos/' },
      to: { path: '^test/' },
    },
    {
      name: 'testbed-without-vitest',
      severity: 'error',
      comment: 'test/testbed is part of the build and runs outside Vitest; test/support is not and does not.',
      from: { path: '^(test/testbed|scripts|bench)/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^(test/support/|node_modules/(vitest|@vitest)/)' },
    },
    {
      name: 'apps-apart',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { conditionNames: ['source', 'import', 'node', 'default', 'types'] },
  },
};
