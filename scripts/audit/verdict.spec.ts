import { describe, expect, it } from 'vitest';
import { sentenceOf, verdictOf } from './verdict.js';

/** A report as npm 11 prints it, with these findings. */
const report = (...found: [name: string, severity: string][]) =>
  JSON.stringify({
    auditReportVersion: 2,
    vulnerabilities: Object.fromEntries(found.map(([name, severity]) => [name, { name, severity, via: [] }])),
    metadata: { vulnerabilities: { total: found.length } },
  });

describe('verdictOf', () => {
  it.each([
    ['nothing', report(), { kind: 'sound', lesser: 0 }],
    ['what is less than high', report(['a', 'info'], ['b', 'low'], ['c', 'moderate']), { kind: 'sound', lesser: 3 }],
    ['what is high', report(['a', 'low'], ['b', 'high']), { kind: 'vulnerable', packages: ['b (high)'] }],
    [
      'what is worse',
      report(['a', 'critical'], ['b', 'high']),
      { kind: 'vulnerable', packages: ['a (critical)', 'b (high)'] },
    ],
  ])('of a report of %s', (_, output, verdict) => {
    expect(verdictOf(output)).toEqual(verdict);
  });

  it.each([
    ['a refusal', '{"message": "405 Method Not Allowed", "statusCode": 405, "error": {}}', '405 Method Not Allowed'],
    ['an error without words', '{"error": {"code": "ENOTFOUND"}}', 'npm printed no report'],
    ['nothing', '', 'npm printed no report'],
    ['half a report', report(['a', 'high']).slice(0, 60), 'npm printed no report'],
    ['null', 'null', 'npm printed no report'],
  ])('is unknown by %s', (_, output, why) => {
    expect(verdictOf(output)).toEqual({ kind: 'unknown', why });
  });
});

describe('sentenceOf', () => {
  it.each([
    [report(['a', 'low']), 'Dependencies audited: nothing high or critical, 1 of less.'],
    [report(['a', 'high']), 'Vulnerable dependencies: a (high). "npm audit --omit=dev" says more.'],
    ['{"message": "no\\n  way"}', 'Dependencies NOT audited: no way.'],
  ])('is one line: %s', (output, sentence) => {
    expect(sentenceOf(verdictOf(output))).toBe(sentence);
  });
});
