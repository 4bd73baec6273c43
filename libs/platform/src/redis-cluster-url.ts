/** A Redis Cluster as `REDIS_URL` names it: some of its nodes are enough, they tell of the others. */
export interface ClusterAddress {
  nodes: { host: string; port: number }[];
  username: string | undefined;
  password: string | undefined;
  tls: boolean;
}

/** What a setting that names a cluster looks like; user and password are percent-encoded. */
export const CLUSTER_URL_FORM = 'redis+cluster://[user:password@]host:port,host:port,…';

const NODE = String.raw`(?:[\w.-]+|\[[\da-fA-F:.]+\])(?::\d{1,5})?`;
const CLUSTER_URL = new RegExp(String.raw`^redis(s?)\+cluster://(?:([^:@/]*):([^@/]*)@)?(${NODE}(?:,${NODE})*)/?$`);

/** Whether the URL's scheme says that it names a cluster. */
export const namesCluster = (url: string): boolean => /^rediss?\+cluster:/.test(url);

/** @returns undefined if the URL does not name a cluster, or not as it should */
export function clusterAddress(url: string): ClusterAddress | undefined {
  const [, tls, username, password, nodes = ''] = CLUSTER_URL.exec(url) ?? [];
  if (tls === undefined) return undefined;
  try {
    return {
      nodes: nodes.split(',').map(node),
      username: username ? decodeURIComponent(username) : undefined,
      password: password ? decodeURIComponent(password) : undefined,
      tls: tls === 's',
    };
  } catch {
    // A percent sign that encodes nothing.
    return undefined;
  }
}

/** `host`, `host:port`, or `[IPv6]:port`. */
function node(text: string): ClusterAddress['nodes'][number] {
  const [, ipv6, name, port] = /^(?:\[(.*)\]|([^:]*))(?::(\d+))?$/.exec(text) ?? [];
  return { host: ipv6 ?? name ?? '', port: Number(port ?? 6379) };
}
