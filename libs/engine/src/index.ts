export * from './operator.port.js';
export * from './reader.port.js';
export * from './records.js';
