import type { JobOptions, Step } from './job.js';
import { defaultsOf, fieldsOf, type JobParameters, type ParameterSchema } from './parameters.js';

const NAME = /^[A-Za-z][A-Za-z0-9]{0,99}$/;
const VERSION = /^[^\p{Cc}\p{Cs}]{1,50}$/u;

type Checked<P> = Required<Pick<JobOptions<P>, 'version' | 'continues' | 'identifying'>> &
  Pick<JobOptions<P>, 'name' | 'steps' | 'parameters'>;

/** What is wrong with a job's definition, if anything, as it reads on from "Job x: …". */
export function jobFault<P>({
  name,
  version,
  continues,
  identifying,
  steps,
  parameters,
}: Checked<P>): string | undefined {
  const names = [name, ...steps.map((step) => step.name)];
  const bad = names.find((candidate) => !NAME.test(candidate));
  if (bad !== undefined) return `"${bad}" is not a valid name. Use letters and digits, at most 100`;
  if (!VERSION.test(version)) return `its version must be 1 to 50 printable characters, not ${JSON.stringify(version)}`;
  if (continues.includes(version)) return `it continues its own version ${version}; name earlier versions only`;
  if (steps.length === 0) return 'it has no steps';
  if (new Set(names).size < names.length) return 'a step name is used twice';
  return parametersFault(parameters, identifying) ?? steps.map(stepFault).find((fault) => fault !== undefined);
}

function parametersFault<P>(schema: ParameterSchema<P>, identifying: readonly string[]): string | undefined {
  const fields = fieldsOf(schema);
  if (!fields) return 'its parameters must be a z.object() or z.strictObject(), or a pipe that begins with one';
  const unknown = identifying.find((field) => !Object.hasOwn(fields, field));
  if (unknown !== undefined) return `its identifying parameter "${unknown}" is not among its parameters`;
  let defaults: JobParameters;
  try {
    defaults = defaultsOf(schema);
  } catch (error) {
    return (error as Error).message;
  }
  const refused = Object.entries(defaults).find(([field, value]) => !fields[field]?.safeParse(value).success);
  return refused && `the default of its parameter "${refused[0]}" is refused by the schema itself`;
}

function stepFault<P>(step: Step<P>): string | undefined {
  if (step.startLimit !== undefined && !(step.startLimit >= 1)) return `the start limit of ${step.name} is below 1`;
  // The sink's checkpoints are the instance's, and are at the end: a second run would write nothing and COMPLETE.
  if (step.kind === 'chunk' && step.sink && step.allowStartIfComplete) {
    return `${step.name} writes to a sink, exactly once, so it cannot be allowStartIfComplete`;
  }
  return undefined;
}
