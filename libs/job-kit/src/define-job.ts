import { jobFault } from './job-faults.js';
import { kindOf, type Job, type JobOptions } from './job.js';
import { defaultsOf, invalidParameters, parseParameters, type JobParameters } from './parameters.js';

/**
 * Defines a job. Whatever is wrong with the definition is thrown here, at boot.
 *
 * @throws Error on a bad or repeated name, a job without steps, an identifying parameter that it does not have, a default
 *   that its own schema refuses, a start limit below 1, or a step that could not keep its promise
 */
export function defineJob<P>(options: JobOptions<P>): Job {
  const { name, version = '1', continues = [], identifying = [], restartable = true, steps } = options;
  const fault = jobFault({ ...options, version, continues, identifying });
  if (fault) throw new Error(`Job ${name}: ${fault}.`);

  const defaults = defaultsOf(options.parameters);
  const parse = (parameters: JobParameters) => parseParameters(name, options.parameters, parameters);
  const complete = (parameters: JobParameters): JobParameters => {
    parse(parameters);
    return { ...parameters, ...defaults, ...parameters };
  };
  return {
    name,
    definition: { version, steps: steps.map((step) => ({ name: step.name, kind: kindOf(step) })) },
    continues,
    identifying,
    restartable,
    steps,
    parse,
    complete,
    upgrade: (parameters, fromVersion) => complete(options.upgrade?.(parameters, fromVersion) ?? parameters),
    async check(parameters) {
      const parsed = parse(parameters);
      const fields = (await options.check?.(parsed)) ?? [];
      if (fields.length > 0) throw invalidParameters(name, fields);
    },
  };
}
