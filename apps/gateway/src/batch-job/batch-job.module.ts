import { Module } from '@nestjs/common';
import { OperationsController } from './operations.controller.js';
import { ReadingController } from './reading.controller.js';

/** The Batch Job Endpoint. */
@Module({ controllers: [ReadingController, OperationsController] })
export class BatchJobModule {}
