/** The arrows of the house (ARCHITECTURE.md). Each lib may import only what stands in its row. */
const MAY_IMPORT = {
  domain: [],
  'job-kit': ['domain'],
  postgres: ['domain', 'job-kit'],
  fhir: ['domain', 'job-kit', 'postgres'],
  jobs: ['domain', 'job-kit', 'fhir', 'postgres'],
  engine: ['domain', 'job-kit'],
  repository: ['domain', 'job-kit', 'engine', 'platform'],
  queues: ['domain', 'engine', 'platform'],
  module: ['domain', 'job-kit', 'engine', 'fhir', 'jobs', 'platform', 'postgres', 'queues', 'repository'],
  client: ['domain'],
  platform: [],
};

/** The folders of the gateway, from the bottom up. Each may import only what stands in its row, and the loose files beside them. */
const GATEWAY_FOLDERS = {
  schema: [],
  modules: [],
  problem: ['schema'],
  openapi: ['schema', 'problem'],
  requests: ['schema', 'problem', 'openapi'],
  limits: ['problem'],
  auth: ['problem', 'limits'],
  audit: ['schema', 'problem', 'openapi', 'requests', 'modules', 'auth'],
  executions: ['schema', 'problem', 'openapi', 'requests', 'modules', 'limits', 'auth', 'audit'],
  health: ['schema', 'openapi', 'modules', 'auth'],
  metrics: ['modules', 'auth'],
  dashboard: ['problem', 'modules', 'auth'],
  http: ['problem', 'openapi', 'modules', 'auth', 'dashboard'],
};

/** Vendor packages, and the only places that may import them. */
const FENCES = {
  '^node_modules/@nestjs/': '^(apps/|test/|libs/platform/)',
  '^node_modules/bullmq/': '^(libs/queues/|apps/worker/|apps/gateway/src/modules/|test/|bench/)',
  '^node_modules/ioredis/': '^(libs/platform/|libs/repository/|libs/queues/|scripts/|test/|bench/)',
  '^node_modules/(@types/)?pg(-copy-streams)?/': '^(libs/postgres/|libs/fhir/|scripts/|test/|bench/)',
};

const arrows = Object.entries(MAY_IMPORT).map(([lib, allowed]) => ({
  name: `arrow-${lib}`,
  severity: 'error',
  comment: `libs/${lib} may import ${allowed.length ? allowed.join(', ') : 'no other lib'}.`,
  from: { path: `^libs/${lib}/` },
  to: { path: '^(libs|apps)/', pathNot: `^libs/(${[lib, ...allowed].join('|')})/` },
}));

const gatewayArrows = Object.entries(GATEWAY_FOLDERS).map(([folder, allowed]) => ({
  name: `gateway-arrow-${folder}`,
  severity: 'error',
  comment: `${folder} of the gateway may import ${allowed.length ? allowed.join(', ') : 'no other folder of it'}.`,
  from: { path: `^apps/gateway/src/${folder}/` },
  to: { path: '^apps/gateway/src/[^/]+/', pathNot: `^apps/gateway/src/(${[folder, ...allowed].join('|')})/` },
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
    ...gatewayArrows,
    {
      name: 'gateway-folders',
      severity: 'error',
      comment: 'A folder of the gateway has its row in GATEWAY_FOLDERS.',
      from: { path: `^apps/gateway/src/(?!(${Object.keys(GATEWAY_FOLDERS).join('|')})/)[^/]+/` },
      to: {},
    },
    ...fences,
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'front-door',
      severity: 'error',
      comment: "Past a lib's index.ts, and those of its test kit, nobody imports.",
      from: { path: '^(apps|libs|scripts|bench|test)/([^/]+)/' },
      to: {
        path: '^libs/([^/]+)/src/',
        pathNot: [
          '^libs/([^/]+)/src/index\\.ts$',
          '^libs/job-kit/src/sink-contract/index\\.ts$',
          '^libs/engine/src/testing/index\\.ts$',
          '^libs/engine/src/testing/store-contract/index\\.ts$',
          '^$1/$2/',
        ],
      },
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
