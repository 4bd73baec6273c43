import type {
  ControlStore,
  DatabaseStore,
  HandBackStore,
  MaintenanceStore,
  OperationStore,
  PartitionStore,
  RecoveryStore,
  RetentionStore,
  SettlementStore,
  StepWorkStore,
  TransitionListener,
  VerifyStore,
} from '#engine';
import type { RedisClient } from '#platform';
import { accessTo } from './access.js';
import { controlStore, stepWorkStore } from './control-store.js';
import { operationStore } from './operation-store.js';
import { partitionStore } from './partition-store.js';
import { RedisExecutionReader } from './reader.js';
import {
  databaseStore,
  maintenanceStore,
  recoveryStore,
  retentionStore,
  settlementStore,
  verifyStore,
} from './upkeep-store.js';

/** Everything that is asked of executions and steps, and done to them. */
export type RedisExecutionStore = OperationStore &
  ControlStore &
  StepWorkStore &
  PartitionStore &
  HandBackStore &
  RetentionStore &
  SettlementStore &
  RecoveryStore &
  MaintenanceStore &
  VerifyStore &
  DatabaseStore;

/**
 * Executions and steps of one module in Redis hashes. Every change is one script; see `scripts/` for each one's promise.
 * There is a file a role.
 *
 * @param listener gets each transition that this store writes
 */
export function redisExecutionStore(
  redis: RedisClient,
  prefix: string,
  moduleId: string,
  listener?: TransitionListener,
): RedisExecutionStore {
  const at = accessTo(redis, prefix, moduleId, listener);
  return {
    ...operationStore(at, new RedisExecutionReader(redis, prefix, moduleId)),
    ...controlStore(at),
    ...stepWorkStore(at),
    ...partitionStore(at),
    ...retentionStore(at),
    ...settlementStore(at),
    ...recoveryStore(at),
    ...maintenanceStore(at),
    ...verifyStore(at),
    ...databaseStore(at),
  };
}
