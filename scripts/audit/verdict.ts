/** What is known of the vulnerabilities in the packages that production needs. */
export type Verdict =
  | { kind: 'sound'; /** Findings that are less than high. */ lesser: number }
  | { kind: 'vulnerable'; packages: readonly string[] }
  | { kind: 'unknown'; why: string };

/** Severities that do not pass, as npm names them. */
const GRAVE = new Set(['high', 'critical']);

/** As far as we read what `npm audit --json` prints (npm 7 and up): a report, or what went wrong. */
interface Printed {
  vulnerabilities?: Readonly<Record<string, { severity: string }>>;
  message?: string;
}

/** Reads what `npm audit --json` has printed. Whatever is no report says nothing about the packages. */
export function verdictOf(output: string): Verdict {
  const { vulnerabilities, message } = parse(output);
  if (!vulnerabilities) return { kind: 'unknown', why: message ?? 'npm printed no report' };
  const found = Object.entries(vulnerabilities);
  const packages = found
    .filter(([, { severity }]) => GRAVE.has(severity))
    .map(([name, { severity }]) => `${name} (${severity})`);
  return packages.length > 0 ? { kind: 'vulnerable', packages } : { kind: 'sound', lesser: found.length };
}

function parse(output: string): Printed {
  try {
    const printed: unknown = JSON.parse(output);
    return typeof printed === 'object' && printed !== null ? printed : {};
  } catch {
    return {};
  }
}

/** The verdict in one line. */
export function sentenceOf(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'sound':
      return `Dependencies audited: nothing high or critical, ${verdict.lesser} of less.`;
    case 'vulnerable':
      return `Vulnerable dependencies: ${verdict.packages.join(', ')}. "npm audit --omit=dev" says more.`;
    case 'unknown':
      return `Dependencies NOT audited: ${verdict.why.replaceAll(/\s+/g, ' ').trim()}.`;
  }
}
