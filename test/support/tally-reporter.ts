import { appendFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

/** Appends one line `<passed> <failed>` a run to the file that TEST_TALLY names. What failed outside a test counts too. */
export default class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const states = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.result().state));
    const brokenSuites = modules.flatMap((module) => [...module.errors(), ...errorsOfSuites(module)]);
    const passed = states.filter((state) => state === 'passed').length;
    const failed = states.filter((state) => state === 'failed').length + brokenSuites.length + unhandledErrors.length;
    appendFileSync(String(process.env.TEST_TALLY), `${passed} ${failed}\n`);
  }
}

const errorsOfSuites = (module: TestModule) => [...module.children.allSuites()].flatMap((suite) => suite.errors());
