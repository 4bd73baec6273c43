import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGE = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8');

const CODE = ['apps', 'libs', 'scripts', 'test', 'bench'];

const FILES = CODE.flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
);

/** Rows of the table whose header begins so, each as its cells. */
function rowsOf(header: string): string[][] {
  const table = PAGE.slice(PAGE.indexOf(`| ${header}`)).split('\n\n')[0]!;
  const rows = table.split('\n').slice(2);
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}

/** The spans of code that are paths: from a folder of the repository on, or the name of a file. */
const PATHS = [...PAGE.matchAll(/`([^`\s]+)`/g)]
  .map(([, code]) => code!)
  .filter((code) => CODE.includes(code.split('/')[0]!) || /\.(ts|mjs|lua)$/.test(code));

const LINKS = [...PAGE.matchAll(/\]\(([^)#]+)/g)].map(([, link]) => link!).filter((link) => !link.includes('://'));

const exists = (path: string): boolean =>
  existsSync(join(ROOT, path)) || FILES.some((file) => `/${file}`.endsWith(`/${path}`));

describe('ARCHITECTURE.md', () => {
  it('names files and folders that exist', () => {
    expect(PATHS.length).toBeGreaterThan(30);
    expect(PATHS.filter((path) => !exists(path))).toEqual([]);
    expect(LINKS.filter((link) => !existsSync(join(ROOT, link)))).toEqual([]);
  });

  it.each(rowsOf('where is …'))('tells truly where is %s', (_, file, name) => {
    expect(readFileSync(join(ROOT, file!), 'utf8').includes(name!)).toBe(true);
  });

  it('guesses at files of the folder that it speaks of', () => {
    const wrong = rowsOf('folder').flatMap(([folder, , guess = '']) =>
      [...guess.matchAll(/\S+\.(ts|lua)/g)]
        .map(([file]) => file)
        .filter((file) => !FILES.some((one) => one.startsWith(`${folder}/`) && one.endsWith(`/${file}`))),
    );
    expect(wrong).toEqual([]);
  });

  it('lists every lib and every app', () => {
    const listed = new Set(rowsOf('folder').map(([folder]) => folder));
    const there = FILES.map((file) => dirname(file)).filter((path) => /^(apps|libs)\/[^/]+$/.test(path));
    expect([...new Set(there)].filter((path) => !listed.has(path))).toEqual([]);
  });
});
