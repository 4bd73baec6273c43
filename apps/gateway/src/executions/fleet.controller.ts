import { Controller, Get, Inject } from '@nestjs/common';
import type { FleetLoad } from '#engine';
import { RequirePermission } from '../auth/rules.js';
import { Modules } from '../modules/modules.js';
import { Answers } from '../openapi/answers.js';
import { Checked, type CheckedRequest } from '../requests/request.js';
import { ModulePath } from '../requests/shapes.js';
import { warning, warningOf } from './nobody-there.js';
import { count, described, list, named, object, text, truth, type ValueOf } from '../schema/schema.js';

const OF_MODULE = { path: ModulePath };

const LOAD = {
  running: described(count, 'Executions that run'),
  partitionsRemaining: described(count, 'Planned partitions of running steps that are not done'),
  partitionsRunnable: described(count, 'Of these, those that more workers could take up now: the number to scale by'),
};

const OLDEST = {
  oldestProgressMs: described(count, 'How long the most silent running execution has made no progress'),
  oldestStartingMs: described(count, 'How long the oldest execution that has not begun has been waiting'),
};

const FLEET = named(
  'Fleet',
  object(
    {
      ...LOAD,
      jobs: list(object({ job: text, ...LOAD }, OLDEST)),
      workers: described(count, 'Living workers that serve the module'),
      unsettled: described(count, 'Ended executions whose counts are still to be compared with the database'),
      isPartial: described(
        truth,
        'More than 1,000 executions run: the numbers are those of the 1,000 most silent ones',
      ),
    },
    {
      ...OLDEST,
      warning,
      lastSweepMs: described(count, 'How long ago the sweeper has last looked at the module; absent if it never has'),
    },
  ),
);

type FleetJson = ValueOf<typeof FLEET>;

/** What scales a fleet and raises alarms. */
@Controller('batch-job')
export class FleetController {
  constructor(@Inject(Modules) private readonly modules: Modules) {}

  @Get(':module_id/fleet')
  @RequirePermission('VIEW_BATCH_JOBS')
  @Answers(200, FLEET, 'What the fleet of a module has to do')
  async fleet(@Checked(OF_MODULE) { path }: CheckedRequest<typeof OF_MODULE>): Promise<FleetJson> {
    const { id, fleet } = this.modules.get(path.module_id);
    return fleetJson(id, await fleet.load());
  }
}

function fleetJson(moduleId: string, { jobs, workers, lastSweepMs, unsettled, isPartial }: FleetLoad): FleetJson {
  const sum = (field: keyof typeof LOAD) => jobs.reduce((total, job) => total + job[field], 0);
  const oldest = (field: keyof typeof OLDEST) => {
    const known = jobs.flatMap((job) => job[field] ?? []);
    return known.length > 0 ? Math.max(...known) : undefined;
  };
  return {
    running: sum('running'),
    partitionsRemaining: sum('partitionsRemaining'),
    partitionsRunnable: sum('partitionsRunnable'),
    oldestProgressMs: oldest('oldestProgressMs'),
    oldestStartingMs: oldest('oldestStartingMs'),
    jobs: jobs.map(jobJson),
    workers: workers.length,
    warning: workers.length === 0 ? warningOf(moduleId) : undefined,
    lastSweepMs,
    unsettled,
    isPartial,
  };
}

const jobJson = (load: FleetLoad['jobs'][number]) => ({
  job: load.job,
  running: load.running,
  partitionsRemaining: load.partitionsRemaining,
  partitionsRunnable: load.partitionsRunnable,
  oldestProgressMs: load.oldestProgressMs,
  oldestStartingMs: load.oldestStartingMs,
});
