declare const brand: unique symbol;
type Branded<Base, Name extends string> = Base & { readonly [brand]: Name };

/** A storage module's id as it stands in the path, e.g. `persistence`. */
export type ModuleId = Branded<string, 'ModuleId'>;
/** A job execution's number: 1 and up, unique in its module. */
export type ExecutionId = Branded<number, 'ExecutionId'>;
/** A job execution's UUID: unique everywhere, and what PostgreSQL's rows are keyed by. */
export type ExecutionUuid = Branded<string, 'ExecutionUuid'>;
/** A job instance's number: 1 and up, unique in its module. */
export type InstanceId = Branded<number, 'InstanceId'>;

export const moduleId = (value: string): ModuleId => value as ModuleId;
export const executionId = (value: number): ExecutionId => value as ExecutionId;
export const executionUuid = (value: string): ExecutionUuid => value as ExecutionUuid;
export const instanceId = (value: number): InstanceId => value as InstanceId;
