import ioredis, { type Redis } from 'ioredis';
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { inject } from 'vitest';
import { freePorts } from '../../scripts/local/ports.js';
import type { ProcessSpec } from '../../scripts/local/processes.js';
import { ProcessManager } from '../../scripts/local/process-manager.js';
import { redisProgram } from '../../scripts/services/install-redis.js';
import { redisSpec } from '../../scripts/services/redis.js';
import { newPassword } from '../../scripts/services/secret.js';
import { until } from './until.js';

const SLOTS = 16_384;

/** After this silence of a master the others consider it failed; a replica may then take over. In ms. */
const NODE_TIMEOUT_MS = 1_000;

/** One server of a cluster: it can be killed and started again. */
export class ClusterNode {
  /** A connection of the test's own; commands wait until the server is up. */
  readonly admin: Redis;

  constructor(
    private readonly manager: ProcessManager,
    private readonly spec: ProcessSpec,
    readonly port: number,
    readonly busPort: number,
    password: string,
  ) {
    this.admin = new ioredis.Redis({ port, password, maxRetriesPerRequest: null, retryStrategy: () => 50 });
    this.admin.on('error', () => undefined);
  }

  /** Resolves when the server is ready. */
  async begin(): Promise<void> {
    await this.manager.start(this.spec);
  }

  /** Ends the server by SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    const process = this.manager.find(this.spec.name);
    process?.kill('SIGKILL');
    await process?.exited;
  }

  /** As a replica: resolves when it has what the master has now. */
  async hasAllOf(master: ClusterNode): Promise<void> {
    const wanted = Number(/master_repl_offset:(\d+)/.exec(await master.admin.info('replication'))?.[1]);
    await until(
      'the replica to follow',
      () => this.admin.info('replication'),
      (info) =>
        info.includes('master_link_status:up') && Number(/slave_repl_offset:(\d+)/.exec(info)?.[1] ?? -1) >= wanted,
    );
  }

  id(): Promise<string> {
    return this.admin.cluster('MYID') as Promise<string>;
  }
}

/**
 * Redis servers that form a cluster of a test file's own: masters that share the slots evenly, in order. While one is
 * down the others serve their slots.
 */
export class RedisCluster {
  private constructor(
    private readonly manager: ProcessManager,
    private readonly directory: string,
    private readonly password: string,
    readonly nodes: ClusterNode[],
  ) {}

  static async start(masters = 3): Promise<RedisCluster> {
    const directory = join(inject('runsDirectory'), `cluster-${randomBytes(6).toString('hex')}`);
    const manager = await ProcessManager.open({ directory, restart: false, say: (line) => console.log(line) });
    const password = newPassword();
    const nodes: ClusterNode[] = [];
    const cluster = new RedisCluster(manager, directory, password, nodes);
    try {
      const ports = await freePorts(2 * masters);
      for (let i = 0; i < masters; i += 1) nodes.push(await cluster.#place(`redis-${i}`, ports.slice(2 * i)));
      await Promise.all(nodes.map((node) => node.begin()));
      await cluster.#join();
      return cluster;
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  /** Adds a replica of a master; resolves when it has what its master has, and could take its place. */
  async addReplica(master: ClusterNode): Promise<ClusterNode> {
    const replica = await this.#place(`redis-${this.nodes.length}`, await freePorts(2));
    await replica.begin();
    // A master that dies may not have announced the others to its replica yet; then nobody could elect the replica.
    for (const { port, busPort } of this.nodes) await replica.admin.cluster('MEET', '127.0.0.1', port, busPort);
    this.nodes.push(replica);
    await this.#knowEachOther();
    const id = await master.id();
    await replica.admin.cluster('REPLICATE', id);
    const following = new RegExp(`^${await replica.id()} .*slave ${id} .* connected$`, 'm');
    // All masters vote for it when its own is dead.
    for (const { admin } of this.nodes) {
      await until(
        'all to know the replica',
        () => admin.cluster('NODES') as Promise<string>,
        (nodes) => following.test(nodes),
      );
    }
    await replica.hasAllOf(master);
    return replica;
  }

  /** As `REDIS_URL` names it. */
  get url(): string {
    return `redis+cluster://:${this.password}@${this.nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`;
  }

  /** The node that holds a slot, by what all of them say. */
  async ownerOf(slot: number): Promise<ClusterNode> {
    const [first] = this.nodes;
    const ranges = await first!.admin.cluster('SLOTS');
    const port = ranges.find(([from, to]) => from <= slot && slot <= to)?.[2]?.[1];
    return this.nodes.find((node) => node.port === port)!;
  }

  /** Moves a slot, with its keys, as resharding does. @param halfway run when half of its keys have moved */
  async moveSlot(slot: number, from: ClusterNode, to: ClusterNode, halfway: () => Promise<void>): Promise<void> {
    await to.admin.cluster('SETSLOT', slot, 'IMPORTING', await from.id());
    await from.admin.cluster('SETSLOT', slot, 'MIGRATING', await to.id());
    await this.#moveKeys(slot, from, to, Math.ceil((await from.admin.cluster('COUNTKEYSINSLOT', slot)) / 2));
    await halfway();
    while ((await from.admin.cluster('COUNTKEYSINSLOT', slot)) > 0) await this.#moveKeys(slot, from, to, 100);
    const owner = await to.id();
    for (const node of [to, from, ...this.nodes]) await node.admin.cluster('SETSLOT', slot, 'NODE', owner);
  }

  async close(): Promise<void> {
    for (const { admin } of this.nodes) admin.disconnect();
    await this.manager.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** @param ports for clients, and for the other nodes */
  async #place(name: string, [port = 0, busPort = 0]: readonly number[]): Promise<ClusterNode> {
    const directory = join(this.directory, name);
    mkdirSync(directory);
    const place = { directory, pidFile: join(directory, 'redis.pid'), port, password: this.password };
    const command = await redisProgram((line) => console.log(line));
    const spec = redisSpec(name, command, place, configurationOf(busPort, this.password));
    return new ClusterNode(this.manager, spec, port, busPort, this.password);
  }

  async #join(): Promise<void> {
    const share = SLOTS / this.nodes.length;
    for (const [i, { admin }] of this.nodes.entries()) {
      await admin.cluster('SET-CONFIG-EPOCH', i + 1);
      await admin.cluster('ADDSLOTSRANGE', Math.ceil(i * share), Math.ceil((i + 1) * share) - 1);
    }
    const [first, ...others] = this.nodes;
    for (const { port, busPort } of others) await first!.admin.cluster('MEET', '127.0.0.1', port, busPort);
    await this.#knowEachOther();
  }

  /** Resolves when each node reaches the masters of all slots. */
  async #knowEachOther(): Promise<void> {
    for (const { admin } of this.nodes) {
      await until(
        'all nodes to know each other',
        () => admin.cluster('INFO') as Promise<string>,
        (info) => info.includes('cluster_state:ok') && info.includes(`cluster_slots_ok:${SLOTS}`),
      );
    }
  }

  async #moveKeys(slot: number, from: ClusterNode, to: ClusterNode, count: number): Promise<void> {
    const keys = (await from.admin.cluster('GETKEYSINSLOT', slot, count)) as string[];
    if (keys.length === 0) return;
    await from.admin.migrate('127.0.0.1', to.port, '', 0, 5_000, 'AUTH', this.password, 'KEYS', ...keys);
  }
}

const configurationOf = (busPort: number, password: string): string => `cluster-enabled yes
cluster-port ${busPort}
cluster-config-file nodes.conf
cluster-node-timeout ${NODE_TIMEOUT_MS}
cluster-require-full-coverage no
masterauth ${password}
repl-diskless-sync-delay 0
`;
