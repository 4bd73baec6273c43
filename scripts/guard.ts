import { standGuard } from './local/guard.js';
import { stopRecorded } from './local/stages.js';

await stopRecorded(await standGuard(process.stdin));
