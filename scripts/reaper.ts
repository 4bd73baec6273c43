import { lastTracked } from './local/reaper.js';
import { stopRecorded } from './local/stages.js';

await stopRecorded(await lastTracked(process.stdin));
