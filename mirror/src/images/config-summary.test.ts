import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseConfigSummary } from './config-summary.ts'

const parse = (document: unknown) => parseConfigSummary(Buffer.from(JSON.stringify(document)))
const nothing = {
  platform: null,
  created: null,
  user: null,
  entrypoint: [],
  cmd: [],
  workingDir: null,
  exposedPorts: [],
  labels: {},
}

describe('parseConfigSummary', () => {
  it('reads what people want to know', () => {
    const config = { User: 'www', Entrypoint: ['run'], Cmd: ['-v'], WorkingDir: '/srv', ExposedPorts: { '80/tcp': {} } }
    const document = { os: 'linux', architecture: 'arm', variant: 'v7', created: '2026-01-01T00:00:00Z', config }
    expect(parse(document)).toEqual({
      platform: { os: 'linux', architecture: 'arm', variant: 'v7' },
      created: '2026-01-01T00:00:00Z',
      user: 'www',
      entrypoint: ['run'],
      cmd: ['-v'],
      workingDir: '/srv',
      exposedPorts: ['80/tcp'],
      labels: {},
    })
  })

  it.each([
    ['nothing in it', {}],
    ['null for nothing', { config: { Entrypoint: null, Cmd: null, User: '', Labels: null, ExposedPorts: null } }],
    ['other things than it should', { os: 1, created: {}, config: { Cmd: 'run', Labels: { a: 1 }, User: [] } }],
    ['no configuration to run', { config: 7 }],
  ])('takes %s for nothing', (_, document) => {
    expect(parse(document)).toEqual(nothing)
  })

  it('reads whatever comes, or nothing', () => {
    fc.assert(fc.property(fc.json(), (json) => void parseConfigSummary(Buffer.from(json))))
    expect(parseConfigSummary(Buffer.from('{'))).toBeUndefined()
    expect(parse('text')).toBeUndefined()
  })
})
