import { Module } from '@nestjs/common';
import { FleetController } from './fleet.controller.js';
import { OperationsController } from './operations.controller.js';
import { ReadingController } from './reading.controller.js';

/** The Batch Job Endpoint: executions are shown, started, stopped, restarted, abandoned and deleted. */
@Module({ controllers: [FleetController, ReadingController, OperationsController] })
export class ExecutionsModule {}
