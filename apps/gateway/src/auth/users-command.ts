import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { parseArgs } from 'node:util';
import { generatePassword, hashPassword } from './passwords.js';
import { PERMISSIONS, type Grant, type Permission } from './permissions.js';
import { grantedModule, readUsers, username, type UserEntry } from './users-file.js';

const USAGE = `Usage:
  users add NAME --permission PERMISSION[:MODULE] … --file PATH [--generate]
  users list --file PATH
  users remove NAME --file PATH

Permissions: ${PERMISSIONS.join(', ')}; with :MODULE for one module, without for all.
"add" reads the password from standard input; --generate makes one and prints it, this once.`;

const SHORTEST_PASSWORD = 8;

const COMMANDS = { add, list, remove } as const;

interface Arguments {
  name: string;
  file: string;
  permissions: readonly string[];
  generate: boolean;
}

const load = (file: string): UserEntry[] => (existsSync(file) ? readUsers(file) : []);

/** Replaces the file in one step, so that a gateway never reads half of it; only its owner may read it. */
function save(file: string, users: readonly UserEntry[]): void {
  const next = `${file}.${process.pid}`;
  writeFileSync(next, `${JSON.stringify(users, null, 2)}\n`, { mode: 0o600 });
  renameSync(next, file);
}

async function add({ name, file, permissions, generate }: Arguments): Promise<string> {
  if (!username.safeParse(name).success)
    throw new Error(`"${name}" is not a valid username: give 1 to 64 characters without a colon.`);
  if (permissions.length === 0) throw new Error('Give at least one --permission.');
  const grants = permissions.map(grantOf);
  const users = load(file);
  if (users.some((user) => user.username === name)) throw new Error(`User ${name} is there already. Remove it first.`);
  const password = generate ? generatePassword() : await askPassword();
  if (password.length < SHORTEST_PASSWORD) throw new Error(`A password has at least ${SHORTEST_PASSWORD} characters.`);
  save(file, [...users, { username: name, passwordHash: await hashPassword(password), permissions: grants }]);
  return generate ? `User ${name} added. Password: ${password}` : `User ${name} added.`;
}

const grantText = ({ permission, argument }: Grant): string => (argument ? `${permission}:${argument}` : permission);

function list({ file }: Arguments): string {
  return load(file)
    .map((user) => [user.username, ...user.permissions.map(grantText)].join(' '))
    .join('\n');
}

function remove({ name, file }: Arguments): string {
  const users = load(file);
  const rest = users.filter((user) => user.username !== name);
  if (rest.length === users.length) throw new Error(`There is no user ${name} in ${file}.`);
  save(file, rest);
  return `User ${name} removed.`;
}

/** `VIEW_BATCH_JOBS` or `VIEW_BATCH_JOBS:persistence`. */
function grantOf(text: string): Grant {
  const [permission = '', ...rest] = text.split(':');
  if (!(PERMISSIONS as readonly string[]).includes(permission)) {
    throw new Error(`"${permission}" is not a permission. Permissions are: ${PERMISSIONS.join(', ')}.`);
  }
  if (rest.length === 0) return { permission: permission as Permission };
  const argument = rest.join(':');
  if (!grantedModule.safeParse(argument).success) {
    throw new Error(
      `"${text}" names no module. Give 1 to 64 characters after the colon, or leave it out for all modules.`,
    );
  }
  return { permission: permission as Permission, argument };
}

/** The first line of standard input; what is typed is not shown. */
async function askPassword(): Promise<string> {
  const terminal = process.stdin.isTTY;
  if (terminal) process.stderr.write('Password: ');
  const silence = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silence, terminal });
  const { value } = await lines[Symbol.asyncIterator]().next();
  lines.close();
  if (terminal) process.stderr.write('\n');
  return typeof value === 'string' ? value : '';
}

async function main(): Promise<string> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      permission: { type: 'string', multiple: true, default: [] },
      file: { type: 'string' },
      generate: { type: 'boolean', default: false },
    },
  });
  const [command = '', name = ''] = positionals;
  if (!Object.hasOwn(COMMANDS, command) || !values.file) throw new Error(USAGE);
  return COMMANDS[command as keyof typeof COMMANDS]({
    name,
    file: values.file,
    permissions: values.permission,
    generate: values.generate,
  });
}

main().then(
  (answer) => process.stdout.write(`${answer}\n`),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);
