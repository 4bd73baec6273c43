// npm run check:audit: fails where a package that production needs has a known vulnerability, high or critical. Where the
// registry is unavailable it says so and does not fail: the other checks need no network.
import { spawnSync } from 'node:child_process';
import { sentenceOf, verdictOf, type Verdict } from './verdict.js';

/** Longest wait for one answer, and for npm as a whole, in ms. */
const ANSWER_MS = 10_000;
const PATIENCE_MS = 20_000;

const ARGUMENTS = [
  'audit',
  '--omit=dev',
  '--json',
  '--offline=false',
  '--fetch-retries=0',
  `--fetch-timeout=${ANSWER_MS}`,
  '--loglevel=silent',
];

/** Asks npm, the one that runs us if one does. Its exit code is not looked at: it fails for any finding, and for none. */
function audit(): Verdict {
  const npm = process.env.npm_execpath;
  const [command, first] = npm && /npm-cli\.c?js$/.test(npm) ? [process.execPath, [npm]] : ['npm', []];
  const { stdout, error } = spawnSync(command, [...first, ...ARGUMENTS], {
    encoding: 'utf8',
    timeout: PATIENCE_MS,
    killSignal: 'SIGKILL',
    maxBuffer: 64 * 1_024 * 1_024,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return error ? { kind: 'unknown', why: error.message } : verdictOf(stdout);
}

const verdict = audit();
console.log(sentenceOf(verdict));
if (verdict.kind === 'vulnerable') process.exitCode = 1;
