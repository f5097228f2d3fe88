import { Command } from 'commander'
import type { Logger } from 'pino'
import { describe, expect, it } from 'vitest'
import { warnOfKubeFledged, withGoFlags, withKubeFledgedOptions } from './kube-fledged-flags.ts'

const theirs = [
  '--stderrthreshold=INFO',
  '-v=4',
  '--image-pull-deadline-duration=5m',
  '-image-cache-refresh-frequency=15m',
  '-job-retention-policy',
  'delete',
  '--image-delete-job-host-network=false',
]

function warningsOf(args: readonly string[], env: Record<string, string> = {}): unknown[] {
  const warnings: unknown[] = []
  const log = { warn: ({ flag, variable }: { flag?: string; variable?: string }) => warnings.push(flag ?? variable) }
  const command = new Command('controller').option('--image-cache-refresh-frequency <duration>').exitOverride()
  withKubeFledgedOptions(command).action(() => warnOfKubeFledged(command, { env, log: log as unknown as Logger }))
  command.parse(withGoFlags(['controller', ...args]).slice(1), { from: 'user' })
  return warnings
}

describe("kube-fledged's flags and variables", () => {
  it('are accepted as its manifests write them, and those without an effect are named once', () => {
    expect(warningsOf(theirs)).toEqual([
      '--image-pull-deadline-duration',
      '--image-delete-job-host-network',
      '--job-retention-policy',
      '--stderrthreshold',
      '--v',
    ])
    expect(warningsOf([], { BUSYBOX_IMAGE: 'busybox:1', KUBEFLEDGED_NAMESPACE: 'kube-fledged' })).toEqual([
      'KUBEFLEDGED_NAMESPACE',
      'BUSYBOX_IMAGE',
    ])
  })

  it('say nothing where nothing is given', () => expect(warningsOf([])).toEqual([]))

  it('change nothing for other commands', () => {
    expect(withGoFlags(['agent', '-v=4'])).toEqual(['agent', '-v=4'])
    expect(withGoFlags(['webhook', '-v=4', '-port=443', '-job-retention-policy=x'])).toEqual([
      'webhook',
      '--v=4',
      '--port=443',
      '-job-retention-policy=x',
    ])
  })
})
