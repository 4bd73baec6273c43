import { describe, expect, it } from 'vitest';
import { clusterAddress, namesCluster } from './redis-cluster-url.js';

const NOBODY = { username: undefined, password: undefined, tls: false };

describe('clusterAddress', () => {
  it.each([
    ['redis+cluster://a:7000,b:7001', { ...NOBODY, nodes: [node('a', 7000), node('b', 7001)] }],
    ['redis+cluster://config.example.org', { ...NOBODY, nodes: [node('config.example.org', 6379)] }],
    ['redis+cluster://[::1]:7000,127.0.0.1/', { ...NOBODY, nodes: [node('::1', 7000), node('127.0.0.1', 6379)] }],
    ['rediss+cluster://:p%40,ss@a', { ...NOBODY, password: 'p@,ss', tls: true, nodes: [node('a', 6379)] }],
    ['redis+cluster://u:p@a', { username: 'u', password: 'p', tls: false, nodes: [node('a', 6379)] }],
  ])('reads %s', (url, address) => {
    expect(clusterAddress(url)).toEqual(address);
  });

  it.each([
    'redis://a',
    'redis+cluster://',
    'redis+cluster://a,',
    'redis+cluster://a:b',
    'redis+cluster://a/3',
    'redis+cluster://u:p%zz@a',
    'redis+cluster://u%ff:p@a',
  ])('finds none in %s', (url) => {
    expect(clusterAddress(url)).toBeUndefined();
  });
});

it('is told from the URL of one Redis by the scheme', () => {
  expect(['redis://a', 'rediss://a', 'redis+cluster://a', 'rediss+cluster://a'].map(namesCluster)).toEqual([
    false,
    false,
    true,
    true,
  ]);
});

function node(host: string, port: number) {
  return { host, port };
}
