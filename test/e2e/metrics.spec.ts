import { readFileSync } from 'node:fs';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../scripts/local/ports.js';
import { Endpoint } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';
import { until } from '../support/until.js';

let fleet: Fleet;
let endpoint: Endpoint;
let worker: string;

beforeAll(async () => {
  const port = await freePort();
  worker = `http://127.0.0.1:${port}`;
  fleet = await Fleet.start({ env: { HEALTH_PORT: String(port), SWEEP_INTERVAL_MS: '500' } });
  endpoint = Endpoint.of(fleet);
  await endpoint.run('noopJob', { partitions: 3 });
  await endpoint.run('noopJob');
});

afterAll(() => fleet?.stop());

const ofGateway = async () => (await endpoint.get('/metrics').expect(200)).text;
const ofWorker = async () => (await request(worker).get('/metrics').expect(200)).text;

/** Names of what is served, and of what a histogram is served as. */
function namesIn(text: string): Set<string> {
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  return new Set(
    types.flatMap(([, name, type]) =>
      type === 'histogram' ? ['', '_bucket', '_sum', '_count'].map((suffix) => name + suffix) : [name!],
    ),
  );
}

/** The value of a sample, by its name and labels as they are served. */
const valueOf = (text: string, sample: string): number | undefined => {
  const line = text.split('\n').find((served) => served.startsWith(`${sample} `));
  return line === undefined ? undefined : Number(line.slice(sample.length));
};

/** How many series there are, but for those of routes. */
const seriesOf = (text: string) => text.split('\n').filter((line) => /^longshore_(?!http)/.test(line)).length;

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

describe('/metrics of the gateway', () => {
  it('tells of the fleet as Redis has it', async () => {
    const text = await until('a sweep, and the answer of a second ago to pass', ofGateway, (served) =>
      served.includes('longshore_sweep_age_seconds{'),
    );
    const job = 'module="persistence",job="noopJob"';
    expect(valueOf(text, `longshore_executions{${job},status="COMPLETED"}`)).toBe(2);
    expect(valueOf(text, `longshore_executions_ended_total{${job},status="COMPLETED"}`)).toBe(2);
    expect(valueOf(text, `longshore_partitions_remaining{${job}}`)).toBe(0);
    expect(valueOf(text, `longshore_workers{module="persistence",version="0.1.0"}`)).toBe(1);
    expect(valueOf(text, 'longshore_queue_jobs{module="persistence",queue="partitions",state="wait"}')).toBe(0);
    expect(valueOf(text, 'longshore_dependency_up{dependency="redis"}')).toBe(1);
    expect(valueOf(text, 'longshore_logins_total{outcome="accepted"}')).toBeGreaterThan(0);
  });

  it('has no more series after ten more executions', async () => {
    const before = seriesOf(await ofGateway());
    for (let i = 0; i < 10; i += 1) await endpoint.run('noopJob');
    const sample = 'longshore_executions{module="persistence",job="noopJob",status="COMPLETED"}';
    const after = await until('12 executions', ofGateway, (text) => valueOf(text, sample) === 12);
    expect(seriesOf(after)).toBe(before);
    const { executionUUID } = await endpoint.run('noopJob');
    expect(await ofGateway()).not.toContain(executionUUID);
  });
});

describe('/metrics of a worker', () => {
  it('tells of what it has done', async () => {
    const text = await ofWorker();
    const labels = 'module="persistence",job="noopJob",status="COMPLETED"';
    expect(valueOf(text, `longshore_execution_duration_seconds_count{${labels}}`)).toBeGreaterThanOrEqual(2);
    expect(valueOf(text, 'longshore_partition_duration_seconds_count{module="persistence"}')).toBeGreaterThanOrEqual(3);
    expect(
      valueOf(text, 'longshore_attempts_total{module="persistence",queue="executions",outcome="done"}'),
    ).toBeGreaterThanOrEqual(2);
    expect(Math.abs(valueOf(text, 'longshore_clock_skew_seconds')!)).toBeLessThan(2);
  });
});

describe('what is shipped for Prometheus and Grafana', () => {
  const METRIC = /\b(?:longshore|nodejs|process)_[a-z0-9_]+/g;
  /** What is named, without comments and titles. */
  const namedIn = (path: string): string[] => [...new Set(read(path).match(METRIC))].toSorted();

  it.each(['deploy/prometheus/longshore.rules.yaml', 'deploy/grafana/longshore.json', 'docs/metrics.md'])(
    '%s names only what is served',
    async (path) => {
      const served = new Set([...namesIn(await ofGateway()), ...namesIn(await ofWorker())]);
      expect(namedIn(path).length).toBeGreaterThan(5);
      expect(namedIn(path).filter((name) => !served.has(name))).toEqual([]);
    },
  );

  it('docs/metrics.md tells of every metric of ours, and of every alert', async () => {
    const served = [...namesIn(await ofGateway()), ...namesIn(await ofWorker())];
    const ours = served.filter((name) => name.startsWith('longshore_') && !/_(bucket|sum|count)$/.test(name));
    const page = read('docs/metrics.md');
    expect(ours.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
    const alerts = [...read('deploy/prometheus/longshore.rules.yaml').matchAll(/alert: (\w+)/g)].map(
      ([, name]) => name!,
    );
    expect(alerts.length).toBeGreaterThan(5);
    expect(alerts.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });
});
