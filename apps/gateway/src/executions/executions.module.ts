import { Module } from '@nestjs/common';
import { OperationsController } from './operations.controller.js';
import { ReadingController } from './reading.controller.js';

/** The Batch Job Endpoint: executions are shown, started, stopped, restarted, abandoned and deleted. */
@Module({ controllers: [ReadingController, OperationsController] })
export class ExecutionsModule {}
