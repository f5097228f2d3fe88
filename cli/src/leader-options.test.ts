import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { electionOptions, withLeaderOptions, type LeaderFlags } from './leader-options.ts'

function flagsOf(...args: string[]): LeaderFlags {
  return withLeaderOptions(new Command())
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .parse(args, { from: 'user' })
    .opts()
}

const everywhere = { host: '::', port: 5080 }

describe('the flags of an election', () => {
  it.each([
    [[], undefined],
    [['--leader-elect'], true],
    [['--leader-elect=true'], true],
    [['--leader-elect=false'], false],
  ])('%j decide whether there is one', (args, isElected) => {
    expect(flagsOf(...args).leaderElect).toBe(isElected)
  })

  it('refuse what is neither yes nor no', () => {
    expect(() => flagsOf('--leader-elect=maybe')).toThrow(/neither true nor false/)
  })

  it('have the times of Kubernetes’ own components', () => {
    const { timing } = electionOptions({ env: {} }, { ...flagsOf(), listen: everywhere })
    expect(timing).toEqual({ leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2000 })
  })

  it.each([
    ['what is said', ['--advertise=10.0.0.9:80'], everywhere, '10.0.0.1', '10.0.0.9:80'],
    ['the address of the pod', [], everywhere, '10.0.0.1', '10.0.0.1:5080'],
    ['the address of the pod, of whatever family', [], everywhere, 'fd00::1', '[fd00::1]:5080'],
    ['where it listens', [], { host: '127.0.0.1', port: 1 }, undefined, '127.0.0.1:1'],
    ['nothing, where nobody knows', [], everywhere, undefined, undefined],
  ] as const)('give the others %s', (_, args, listen, podIp, address) => {
    const flags = { ...flagsOf(...args), listen }
    expect(electionOptions({ env: { POD_IP: podIp } }, flags).address).toBe(address)
  })
})
