import { describe, expect, it } from 'vitest'
import { createTestImage } from '../testing/test-image.ts'
import { imageReportsOf, type ImagesView } from './report-of.ts'

const image = createTestImage([Buffer.alloc(100), Buffer.alloc(50, 1)])
const wanted = { name: 'r/a:1', root: image.root }
const attempt = { subject: 's', tries: 2, delayMs: 1000, retryAt: 1500, code: 'unavailable' as const, message: 'cut' }
const present = { name: 'r/a:1', digest: image.root.digest, owned: true }
const known = new Map([[image.root.digest, image.graph]])

function lineOf(changes: Partial<ImagesView>): object | undefined {
  const view: ImagesView = {
    wanted: [wanted],
    listed: new Map(),
    graphs: known,
    going: [],
    heldBack: [],
    phaseOf: () => undefined,
    attemptOf: () => undefined,
    bytesHere: () => 0,
    ...changes,
  }
  return imageReportsOf(view, 1000)[0]
}

describe('what a report says of an image', () => {
  it.each([
    ['that it waits, and for how many bytes', {}, { state: 'waiting', bytesHere: 0, bytesTotal: image.size }],
    ['that its size is not known yet', { graphs: new Map() }, { state: 'waiting', bytesHere: 0, bytesTotal: null }],
    [
      'how much of it is here, and no more than it is',
      { phaseOf: () => 'fetching', bytesHere: () => 1e9 },
      { state: 'fetching', bytesHere: image.size },
    ],
    ['that all of it is here', { listed: new Map([['r/a:1', present]]) }, { state: 'present', bytesHere: image.size }],
    [
      'nothing of an old fault once it is here',
      { listed: new Map([['r/a:1', present]]), attemptOf: () => attempt },
      { state: 'present' },
    ],
    [
      'why it failed, and when it is tried again',
      { attemptOf: () => attempt },
      { fault: { code: 'unavailable', message: 'cut', attempts: 2, retryInMs: 500 } },
    ],
    [
      'that there is no room',
      { heldBack: [{ image: wanted, shortBytes: 7 }] },
      { fault: { code: 'no-space', message: expect.stringContaining('7 bytes more') } },
    ],
    [
      'that it waits for a window, and how long',
      { windows: new Map([['r/a:1', 7000]]) },
      { state: 'waiting', window: { opensInMs: 7000 } },
    ],
    [
      'that it waits for a window, whenever that opens',
      { windows: new Map([['r/a:1', null]]) },
      { state: 'waiting', window: { opensInMs: null } },
    ],
    [
      'that it goes, and nothing else',
      { going: [{ ...wanted, digest: image.root.digest, state: 'removing' }] },
      { state: 'removing', bytesHere: 0 },
    ],
  ] satisfies [string, Partial<ImagesView>, object][])('is %s', (_, changes, expected) => {
    expect(lineOf(changes)).toMatchObject(expected)
    if ('listed' in changes) expect(lineOf(changes)).not.toHaveProperty('fault')
  })

  it('is never longer than a report may be', () => {
    expect(lineOf({ attemptOf: () => ({ ...attempt, message: 'x'.repeat(5000) }) })).toMatchObject({
      fault: { message: 'x'.repeat(1000) },
    })
  })
})
