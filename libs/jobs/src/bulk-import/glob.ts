import { readdir } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { answered } from './answered.js';

/** Whether one character will do. */
type OneCharacter = (character: string) => boolean;

type Token = OneCharacter | '*';

/** A part of a pattern between slashes: what to compare with one name, or any number of folders. */
type Part = { tokens: readonly Token[]; hidden: boolean } | '**';

export const isGlob = (pattern: string): boolean => /[*?[]/.test(pattern);

/**
 * Everything below a directory that matches a glob: `*` any characters, `?` one, `[a-z]` one of those, `[!a-z]` one of
 * the others, `**` any folders. Links are passed by, and so is what is hidden, unless the pattern has its dot.
 *
 * The tree is walked once, whatever the pattern, and a name is compared in steps of at most its length times the
 * pattern's: a glob made to be compared for ever is compared like any other.
 *
 * @returns paths relative to the directory
 */
export async function glob(directory: string, pattern: string): Promise<string[]> {
  const parts = pattern.split('/').map(partOf);
  const found: string[] = [];
  for await (const path of walk(directory, '', parts, reached(parts, [0]))) found.push(path);
  return found;
}

/** @param at the parts that the folder's entries are to be compared with */
async function* walk(
  directory: string,
  folder: string,
  parts: readonly Part[],
  at: readonly number[],
): AsyncGenerator<string, void, undefined> {
  for (const entry of await answered(
    folder || 'the import directory',
    readdir(join(directory, folder), { withFileTypes: true }),
  )) {
    if (entry.isSymbolicLink()) continue;
    const next = reached(
      parts,
      at.flatMap((index) => after(parts, index, entry.name)),
    );
    const path = posix.join(folder, entry.name);
    if (next.includes(parts.length)) yield path;
    if (entry.isDirectory() && next.some((index) => index < parts.length)) yield* walk(directory, path, parts, next);
  }
}

/** The part that comes after one that the name matches; none if it does not. */
function after(parts: readonly Part[], index: number, name: string): number[] {
  const part = parts[index];
  const hidden = name.startsWith('.');
  if (part === '**') return hidden ? [] : [index];
  return part && part.hidden === hidden && matches(part.tokens, [...name]) ? [index + 1] : [];
}

/** The indices, each once, and those behind a `**`, which may stand for no folder. */
function reached(parts: readonly Part[], indices: readonly number[]): number[] {
  const all = new Set(indices);
  for (const index of all) if (parts[index] === '**') all.add(index + 1);
  return [...all];
}

const partOf = (text: string): Part =>
  text === '**' ? text : { tokens: tokensOf(text), hidden: text.startsWith('.') };

const TOKEN = /\[(!|\^)?(\]?[^\]]*)\]|\*+|[^]/gu;

function tokensOf(text: string): Token[] {
  return [...text.matchAll(TOKEN)].map(([token, negated, members]) => {
    if (token.startsWith('*')) return '*';
    if (token === '?') return () => true;
    if (members === undefined || members === '') return (character) => character === token;
    const isMember = membership(members);
    return (character) => isMember(character) !== (negated !== undefined);
  });
}

/** What stands between brackets, taken apart once. */
function membership(members: string): OneCharacter {
  const singles = new Set<string>();
  const ranges: [from: string, to: string][] = [];
  for (const [one, from, to] of members.matchAll(/([^])-([^])|[^]/gu)) {
    if (from === undefined || to === undefined) singles.add(one);
    else ranges.push([from, to]);
  }
  return (character) => singles.has(character) || ranges.some(([from, to]) => from <= character && character <= to);
}

/** Goes back to the last `*` only: whatever an earlier one could take besides, the last one can take as well. */
function matches(tokens: readonly Token[], name: readonly string[]): boolean {
  let star = -1;
  let starAt = 0;
  let token = 0;
  for (let at = 0; at < name.length;) {
    const wanted = tokens[token];
    if (wanted === '*') [star, starAt] = [token++, at];
    else if (wanted?.(name[at] ?? '')) [token, at] = [token + 1, at + 1];
    else if (star === -1) return false;
    else [token, at] = [star + 1, ++starAt];
  }
  return tokens.slice(token).every((rest) => rest === '*');
}
