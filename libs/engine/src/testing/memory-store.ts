import type { ExecutionReader } from '../reader.port.js';
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
  VerifyStore,
} from '../store.port.js';
import { ManualClock } from './clock.js';
import { Memory } from './memory.js';
import { memoryControl } from './memory-control.js';
import { memoryOperations } from './memory-operations.js';
import { memoryPartitions } from './memory-partitions.js';
import { memoryReader } from './memory-records.js';
import type { State } from './memory-state.js';
import { memoryStepWork } from './memory-step-work.js';
import {
  memoryDatabases,
  memoryMaintenance,
  memoryRecovery,
  memoryRetention,
  memorySettlement,
  memoryVerify,
} from './memory-upkeep.js';

/** Everything that the engine asks of a store. */
export type EngineStore = OperationStore &
  ControlStore &
  StepWorkStore &
  PartitionStore &
  HandBackStore &
  RetentionStore &
  SettlementStore &
  RecoveryStore &
  DatabaseStore &
  MaintenanceStore &
  VerifyStore;

/** A store of one module in memory. Its clock only goes on when it is told to. */
export interface MemoryStore extends EngineStore, ExecutionReader {
  readonly clock: ManualClock;
  /** A copy of all that is stored. */
  snapshot(): State;
  /** Goes back to a snapshot, as a Redis does that crashes and loses what it had not yet written. */
  putBack(snapshot: State): void;
}

export function memoryStore(clock = new ManualClock()): MemoryStore {
  const memory = new Memory(clock);
  return {
    clock,
    snapshot: () => structuredClone(memory.state),
    putBack: (snapshot) => void (memory.state = structuredClone(snapshot)),
    ...memoryOperations(memory),
    ...memoryControl(memory),
    ...memoryStepWork(memory),
    ...memoryPartitions(memory),
    ...memoryRetention(memory),
    ...memorySettlement(memory),
    ...memoryRecovery(memory),
    ...memoryDatabases(memory),
    ...memoryVerify(memory),
    ...memoryMaintenance(memory),
    ...memoryReader(memory),
  };
}
