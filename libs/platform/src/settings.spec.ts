import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readSettings, SECRETS, SETTINGS } from './settings.js';

const MODULE = { DATABASE_URL: 'postgres://127.0.0.1/longshore', IMPORT_DIRECTORY: '/srv/import' };
const DOCUMENT = readFileSync(new URL('../../../docs/settings.md', import.meta.url), 'utf8');
const directory = mkdtempSync(join(tmpdir(), 'longshore-settings-'));
const fileOf = (name: string, content: string): string => {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
};
const modulesFile = (content: unknown): string => fileOf('modules.json', JSON.stringify(content));

afterAll(() => rmSync(directory, { recursive: true }));

describe('settings', () => {
  test('have defaults, and one module from the environment', () => {
    const settings = readSettings(MODULE);
    expect(settings).toMatchObject({ PORT: 9000, WORKER_CONCURRENCY: 2, LOCK_DURATION_MS: 10_000 });
    expect(settings.modules).toEqual([
      { id: 'persistence', databaseUrl: MODULE.DATABASE_URL, importDirectory: MODULE.IMPORT_DIRECTORY },
    ]);
  });

  test('take an empty variable for an absent one', () => {
    expect(readSettings({ ...MODULE, PORT: '' }).PORT).toBe(9000);
  });

  test('name every variable that will not do', () => {
    const bad = { ...MODULE, PORT: '70000', WORKER_CONCURRENCY: '-1', LOG_LEVEL: 'loud' };
    expect(() => readSettings(bad)).toThrow(
      /PORT must lie between 0 and 65535.*WORKER_CONCURRENCY must be a whole number.*LOG_LEVEL/,
    );
  });

  test('name a cluster as it should be named', () => {
    expect(() => readSettings({ ...MODULE, REDIS_URL: 'redis+cluster://a:b' })).toThrow(
      'REDIS_URL must look like redis+cluster://[user:password@]host:port,host:port,…',
    );
  });

  test.each([
    ['redis://u:p%zz@h', 'REDIS_URL must have its user and password percent-encoded'],
    ['redis+cluster://u:p%zz@h', 'REDIS_URL must look like redis+cluster://'],
  ])('name the URL that cannot be decoded: %s', (url, fault) => {
    expect(() => readSettings({ ...MODULE, REDIS_URL: url })).toThrow(fault);
  });

  test('read secrets from files', () => {
    const { DATABASE_URL, ...rest } = MODULE;
    const DATABASE_URL_FILE = fileOf('database-url', `${DATABASE_URL}\n`);
    const REDIS_URL_FILE = fileOf('redis-url', 'redis://:secret@redis:6379');
    const settings = readSettings({ ...rest, DATABASE_URL_FILE, REDIS_URL_FILE });
    expect(settings.modules[0]!.databaseUrl).toBe(DATABASE_URL);
    expect(settings.REDIS_URL).toBe('redis://:secret@redis:6379');
  });

  test.each([
    [
      'that is not there',
      () => join(directory, 'none'),
      /REDIS_URL_FILE names .*none, which cannot be read \(ENOENT\)/,
    ],
    ['that is empty', () => fileOf('empty', '\n'), /REDIS_URL_FILE names .*empty, which is empty/],
    ['beside the setting itself', () => fileOf('both', 'redis://h'), /give REDIS_URL or REDIS_URL_FILE, not both/],
  ])('refuse a file of a secret %s', (what, file, fault) => {
    const beside = what.startsWith('beside') ? { REDIS_URL: 'redis://h' } : {};
    expect(() => readSettings({ ...MODULE, ...beside, REDIS_URL_FILE: file() })).toThrow(fault);
  });

  test.each(SECRETS)('%s may be given as a file, and docs/settings.md says so', (name) => {
    expect(DOCUMENT).toContain(`| \`${name}_FILE\``);
  });

  test('need a module', () => {
    expect(() => readSettings({})).toThrow('give DATABASE_URL and IMPORT_DIRECTORY, or MODULES_FILE');
  });

  test('read several modules from a file', () => {
    const modules = ['a', 'b'].map((id) => ({
      id,
      databaseUrl: `postgres://127.0.0.1/${id}`,
      importDirectory: '/srv',
    }));
    expect(readSettings({ MODULES_FILE: modulesFile(modules) }).modules).toEqual(modules);
    const twice = modulesFile([modules[0], modules[0]]);
    expect(() => readSettings({ MODULES_FILE: twice })).toThrow('two modules have the same id');
  });

  test('quote nothing of a modules file that is no JSON', () => {
    const path = join(directory, 'broken.json');
    writeFileSync(path, '[{"databaseUrl": "postgres://u:secret@h/db",}]');
    expect(() => readSettings({ MODULES_FILE: path })).toThrow(
      new Error(`Modules file ${path} refused: it is not JSON.`),
    );
  });

  test('read the retention by status', () => {
    const settings = readSettings({ ...MODULE, RETENTION: '{"COMPLETED": {"days": 1}, "FAILED": {"count": 5}}' });
    expect(settings.RETENTION).toEqual({ COMPLETED: { days: 1 }, FAILED: { count: 5 } });
    expect(() => readSettings({ ...MODULE, RETENTION: 'a month' })).toThrow('RETENTION must be JSON');
    expect(() => readSettings({ ...MODULE, RETENTION: '{"RUNNING": {}}' })).toThrow('RETENTION');
  });

  test.each(Object.keys(SETTINGS.shape))('%s is told of in docs/settings.md, with its default', (name) => {
    const row = DOCUMENT.split('\n').find((line) => line.startsWith(`| \`${name}\``)) ?? '';
    const value = (readSettings(MODULE) as unknown as Record<string, unknown>)[name];
    const scalar = typeof value === 'number' || typeof value === 'string';
    expect(row).toContain(scalar ? `\`${value}\`` : name);
  });
});
