import { SECRETS, SETTINGS } from '#platform';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const ROOT = new URL('../', import.meta.url);
const read = (file: string): string => readFileSync(new URL(file, ROOT), 'utf8');
const within = (directory: string): string[] =>
  readdirSync(new URL(`${directory}/`, ROOT), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(yaml|service)$/.test(file))
    .map((file) => `${directory}/${file}`);

const KUBERNETES = within('deploy/kubernetes');
const UNITS = within('deploy/systemd');
const COMPOSE = 'docker/compose.yaml';

/** Set for others than our processes. */
const OTHERS = new Set(['NODE_ENV', 'POSTGRES_USER', 'POSTGRES_PASSWORD_FILE', 'POSTGRES_DB']);
const KNOWN = new Set([...Object.keys(SETTINGS.shape), ...SECRETS.map((name) => `${name}_FILE`), ...OTHERS]);

/** Names of the environment variables that a file sets: `NAME: …`, `NAME=…` and `name: NAME`. */
const variablesOf = (file: string): string[] =>
  [...read(file).matchAll(/^\s*(?:- )?(?:Environment=|\{ name: )?([A-Z][A-Z_]{3,})(?:: |=|, value)/gm)].map(
    ([, name]) => name!,
  );

it.each([COMPOSE, ...KUBERNETES, ...UNITS])('%s sets nothing that no process reads', (file) => {
  expect(variablesOf(file).filter((name) => !KNOWN.has(name))).toEqual([]);
});

it.each([COMPOSE, ...UNITS, 'deploy/kubernetes/worker.yaml', 'deploy/kubernetes/kustomization.yaml'])(
  '%s sets something: the rule above is not empty',
  (file) => {
    expect(variablesOf(file)).not.toEqual([]);
  },
);

const deadline = SETTINGS.shape.SHUTDOWN_DEADLINE_MS.parse(undefined) / 1_000;

it.each([
  [COMPOSE, /&app[\s\S]*?stop_grace_period: (\d+)s/],
  ['deploy/kubernetes/gateway.yaml', /terminationGracePeriodSeconds: (\d+)/],
  ['deploy/kubernetes/worker.yaml', /terminationGracePeriodSeconds: (\d+)/],
  ['deploy/systemd/longshore-gateway.service', /TimeoutStopSec=(\d+)/],
  ['deploy/systemd/longshore-worker@.service', /TimeoutStopSec=(\d+)/],
])('%s gives a process longer to leave than it takes', (file, pattern) => {
  expect(Number(pattern.exec(read(file))?.[1])).toBeGreaterThan(deadline);
});

it('scales by a number that /fleet has', () => {
  const field = /valueLocation: (\w+)/.exec(read('deploy/kubernetes/keda/scaled-object.yaml'))?.[1];
  expect(read('apps/gateway/src/executions/fleet.controller.ts')).toMatch(new RegExp(`\\b${field}: sum\\(`));
});

describe.each(['gateway', 'worker'])('the %s', (app) => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };

  it('is started by systemd as by npm', () => {
    const unit = read(UNITS.find((file) => file.includes(app))!);
    expect(unit).toContain(`ExecStart=/usr/bin/${scripts[`start:${app}`]!.replace(/^exec /, '')}\n`);
  });

  it('is asked by Kubernetes for its health where it answers', () => {
    const paths = [...read(`deploy/kubernetes/${app}.yaml`).matchAll(/httpGet: \{ path: (\S+),/g)].map(
      ([, path]) => path,
    );
    expect(paths).toEqual(['/health/live', '/health/live', '/health/ready']);
  });
});
