import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSourceFile, resolveSource, SourceRefusedError } from './source.js';

let outside: string;
let root: string;

beforeAll(async () => {
  outside = await mkdtemp(join(tmpdir(), 'longshore-'));
  root = join(outside, 'imports');
  const files = [
    'one.ndjson',
    'a[1].ndjson',
    'notes.txt',
    'many/b.ndjson',
    'many/B.ndjson',
    'many/é.ndjson.gz',
    'many/a.ndjson.gz',
    'many/.hidden.ndjson',
    'many/c.json',
    'many/deeper/d.ndjson',
    'odd/folder.ndjson/x.txt',
    'none/readme.md',
    'escape/fine.ndjson',
    '../secret.ndjson',
    '../imports-too/secret.ndjson',
  ];
  for (const file of files) {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), '{}\n');
  }
  await symlink('../../secret.ndjson', join(root, 'escape/out.ndjson'));
  await symlink('../imports-too', join(root, 'way-out'));
  await mkdir(join(root, 'linked'));
  await symlink('../one.ndjson', join(root, 'linked/in.ndjson'));
  await symlink('nowhere', join(root, 'dangling.ndjson'));
});

afterAll(() => rm(outside, { recursive: true }));

describe('resolveSource', () => {
  it.each([
    ['one.ndjson', ['one.ndjson']],
    ['./one.ndjson', ['one.ndjson']],
    ['many//b.ndjson', ['many/b.ndjson']],
    ['a[1].ndjson', ['a[1].ndjson']],
    ['many', ['many/B.ndjson', 'many/a.ndjson.gz', 'many/b.ndjson', 'many/é.ndjson.gz']],
    ['many/', ['many/B.ndjson', 'many/a.ndjson.gz', 'many/b.ndjson', 'many/é.ndjson.gz']],
    ['many/*', ['many/B.ndjson', 'many/a.ndjson.gz', 'many/b.ndjson', 'many/é.ndjson.gz']],
    ['many/*.gz', ['many/a.ndjson.gz', 'many/é.ndjson.gz']],
    ['many/[ab].*', ['many/a.ndjson.gz', 'many/b.ndjson']],
    ['many/**', ['many/B.ndjson', 'many/a.ndjson.gz', 'many/b.ndjson', 'many/deeper/d.ndjson', 'many/é.ndjson.gz']],
    ['?ne.ndjson', ['one.ndjson']],
    ['linked', ['linked/in.ndjson']],
    ['escape/*', ['escape/fine.ndjson']],
  ])('%s', async (source, files) => {
    expect(await resolveSource(root, source)).toEqual(files);
  });

  it('takes so many files and no more', async () => {
    expect(await resolveSource(root, 'many', 4)).toHaveLength(4);
    await expect(resolveSource(root, 'many', 3)).rejects.toThrow(
      'The source names 4 files; at most 3 can be imported together: join them, or name fewer.',
    );
  });

  it.each([
    ['/etc/passwd', /relative to the import directory/],
    ['..', /must not contain "\.\."/],
    ['../secret.ndjson', /must not contain "\.\."/],
    ['many/../../secret.ndjson', /must not contain "\.\."/],
    ['many/../one.ndjson', /must not contain "\.\."/],
    ['..\\secret.ndjson', /backslash/],
    ['one.ndjson\0.txt', /NUL/],
    ['!one.ndjson', /"!"/],
    ['{..,many}/*.ndjson', /names no/],
    ['.{.,}/*.ndjson', /names no/],
    ['@(..)/*.ndjson', /names no/],
    ['[.][.]/*.ndjson', /names no/],
    ['nothing.ndjson', /no "nothing\.ndjson" in the import directory/],
    ['one.ndjson/x', /no "one\.ndjson\/x" in the import directory/],
    ['notes.txt', /neither \.ndjson nor \.ndjson\.gz/],
    ['none', /names no/],
    ['none/*', /names no/],
    ['odd', /"odd\/folder\.ndjson", which is a directory/],
    ['odd/*', /"odd\/folder\.ndjson", which is a directory/],
    ['odd/folder.ndjson', /"odd\/folder\.ndjson", which is a directory/],
    ['dangling.ndjson', /no "dangling\.ndjson"/],
    ['escape', /"escape\/out\.ndjson", a link that leads outside/],
    ['linked/*', /names no/],
    ['escape/out.ndjson', /a link that leads outside/],
    ['way-out', /a link that leads outside/],
    ['way-out/*', /names no|a link/],
    ['way-out/secret.ndjson', /a link that leads outside/],
  ])('refuses %j', async (source, fault) => {
    const refused = resolveSource(root, source);
    await expect(refused).rejects.toThrow(SourceRefusedError);
    await expect(refused).rejects.toThrow(fault);
  });

  it('refuses everything while the import directory is missing', async () => {
    await expect(resolveSource(join(root, 'missing'), 'one.ndjson')).rejects.toThrow('import directory does not exist');
  });
});

describe('openSourceFile', () => {
  it('looks again where a planned file leads', async () => {
    await expect(openSourceFile(root, 'escape/out.ndjson')).rejects.toThrow('leads outside');
    await expect(openSourceFile(root, '../secret.ndjson')).rejects.toThrow('leads outside');
  });

  it('never opens what is outside, whoever swaps a directory for a link between the look and the opening', async () => {
    const rounds = 100;
    const atOnce = Array.from({ length: 16 }, () => 'swapped/one.ndjson');
    await mkdir(join(outside, 'elsewhere'), { recursive: true });
    await writeFile(join(outside, 'elsewhere/one.ndjson'), 'outside');
    await mkdir(join(root, 'swapped'));
    await writeFile(join(root, 'swapped/one.ndjson'), 'inside');
    await symlink(join(outside, 'elsewhere'), join(root, 'swapped.link'));
    const swapping = spawn(process.execPath, ['-e', SWAPPING, join(root, 'swapped')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await once(swapping.stdout, 'data');
      const contents: string[] = [];
      for (let i = 0; i < rounds; i++) contents.push(...(await Promise.all(atOnce.map(contentOf))));
      expect(contents).not.toContain('outside');
      // The race was run: the file was found, and the link was, too.
      expect(contents).toContain('inside');
      expect(contents).toContain('refused');
    } finally {
      swapping.kill('SIGKILL');
      await once(swapping, 'exit');
    }
  });

  it('does not open a pipe that stands where a file was', async () => {
    execFileSync('mkfifo', [join(root, 'pipe.ndjson')]);
    await expect(openSourceFile(root, 'pipe.ndjson')).rejects.toThrow('which is not a regular file');
  });
});

/** Swaps a directory and a link for each other, as fast as it can. */
const SWAPPING = `
  const { renameSync } = require('node:fs');
  const [, at] = process.argv;
  console.log('swapping');
  for (;;) {
    renameSync(at, at + '.real');
    renameSync(at + '.link', at);
    renameSync(at, at + '.link');
    renameSync(at + '.real', at);
  }`;

async function contentOf(name: string): Promise<string> {
  try {
    const handle = await openSourceFile(root, name);
    return await handle.readFile('utf8').finally(() => handle.close());
  } catch (error) {
    if (error instanceof SourceRefusedError) return 'refused';
    throw error;
  }
}
