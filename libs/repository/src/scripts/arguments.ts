/**
 * Every script with its arguments in order, and last a list if its name begins with `...`. From this table a call is checked,
 * and the script gets each argument as a local variable of that name. The header of a script tells what they mean; a test
 * holds the two together.
 */
export const ARGUMENTS = {
  launch: [
    'uuid',
    'job',
    'definition',
    'parameters',
    'identity',
    'instanceId',
    'expectedLatest',
    'expectedStatus',
    'requestKey',
    'fingerprint',
    'lifetime',
    'requestId',
  ],
  stop: ['id', 'requestId'],
  forceStop: ['id', 'uuid', 'by', 'onlyRunning', 'requestId'],
  abandon: ['id', 'requestId'],
  acquire: ['id', 'token', 'uuid', 'leaseMs'],
  renew: ['id', 'token', 'leaseMs'],
  release: ['id', 'token'],
  facts: ['id', 'token', '...steps'],
  beginExecution: ['id', 'token'],
  beginStep: ['id', 'token', 'step'],
  handOut: ['id', 'token', 'step', 'kind', 'window'],
  endStep: ['id', 'token', 'step', 'status', 'exitCode', 'failedStep', 'message'],
  endExecution: ['id', 'token', 'status', 'exitCode', 'failedStep', 'message', '...seals'],
  reopen: ['id', 'token', 'step', 'first', 'last', 'most', 'count'],
  claimStep: ['id', 'uuid', 'step'],
  leaveStep: ['id', 'uuid', 'step', 'fence'],
  stepAlive: ['id', 'uuid', 'step', 'fence'],
  beginPlan: ['id', 'uuid', 'step', 'fence'],
  appendPlan: ['id', 'uuid', 'step', 'fence', 'offset', 'rows', '...entries'],
  setResult: ['id', 'uuid', 'step', 'fence', 'name', 'value'],
  finishStep: ['id', 'uuid', 'step', 'fence', 'status', 'exitCode', 'failedStep', 'message', 'partitions', 'window'],
  claim: ['id', 'uuid', 'step', 'partition', 'fence'],
  awaited: ['id', 'uuid', 'step', 'partition'],
  holds: ['id', 'uuid', 'step', 'partition', 'fence'],
  progress: ['id', 'uuid', 'step', 'partition', 'fence', 'position', 'skipLimit', '...counts'],
  finish: ['id', 'uuid', 'step', 'partition', 'fence', 'status', 'failure', '...counts'],
  needsJob: ['id', 'uuid'],
  noteHandedBack: ['id', 'uuid', 'reason'],
  silent: ['ms', 'most'],
  fail: ['id', 'uuid', 'failedStep', 'message'],
  unsettled: ['ms', 'most'],
  settleLater: ['id', 'uuid'],
  settle: ['id', 'uuid', 'step', 'partition', '...counts'],
  settled: ['id', 'uuid', '...steps'],
  expired: ['status', 'ageMs', 'keep', 'most'],
  forget: ['id', 'most', 'evenUnsettled'],
  forgotten: ['ms', 'most'],
  takeTurn: ['task', 'everyMs'],
  lastTurn: ['task'],
  beat: ['worker', 'forgetMs'],
  livingWorkers: ['aliveMs'],
  fleet: ['most', 'aliveMs'],
  databaseWentBack: ['ledger', 'database', 'mark', 'skip', 'most'],
  findInstances: ['job', 'start', 'count', '...statuses'],
  readExecution: ['id'],
  readInstances: ['statuses', 'most', 'mostSteps', '...places'],
  readStepNames: ['most', '...ids'],
  readSteps: ['id', 'start', 'count'],
} as const satisfies Record<string, readonly string[]>;

export type ScriptName = keyof typeof ARGUMENTS;

/** One argument; undefined is sent as the empty string. */
export type Argument = string | number | undefined;

type NamesOf<S extends ScriptName> = (typeof ARGUMENTS)[S][number];

/** What a script is called with: an argument a name, and a list for the last one where it is a list. */
export type Arguments<S extends ScriptName> = {
  [N in NamesOf<S> as N extends `...${string}` ? never : N]: Argument;
} & {
  [N in NamesOf<S> as N extends `...${infer List}` ? List : never]: readonly Argument[];
};

const LIST = '...';

/** Arguments in the order in which the script takes them. */
export function inOrder<S extends ScriptName>(name: S, given: Arguments<S>): (string | number)[] {
  const values = given as Record<string, Argument | readonly Argument[]>;
  return ARGUMENTS[name].flatMap((argument) => values[argument.replace(LIST, '')] ?? '').map((value) => value ?? '');
}

/** The Lua that gives a script its arguments by name. */
export function prologueOf(name: ScriptName): string {
  const names: readonly string[] = ARGUMENTS[name];
  const single = names.filter((argument) => !argument.startsWith(LIST));
  const list = names.find((argument) => argument.startsWith(LIST))?.slice(LIST.length);
  const locals = `local ${single.join(', ')} = ${single.map((_, i) => `ARGV[${i + 1}]`).join(', ')}`;
  if (list === undefined) return locals;
  return `${locals}\nlocal ${list} = {}\nfor i = ${single.length + 1}, #ARGV do ${list}[i - ${single.length}] = ARGV[i] end`;
}
