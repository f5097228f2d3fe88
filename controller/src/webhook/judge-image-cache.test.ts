import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { whyRefused } from './judge-image-cache.ts'

type List = { images: unknown; nodeSelector?: unknown; [field: string]: unknown }

function cache(lists: unknown, more: object = {}): object {
  const metadata = { name: 'shop', namespace: 'kube-fledged' }
  return { apiVersion: 'kubefledged.io/v1alpha2', kind: 'ImageCache', metadata, spec: { cacheSpec: lists, ...more } }
}

function judge(lists: unknown, old: unknown, strict: boolean): string | undefined {
  const oldObject = old === undefined ? undefined : cache(old)
  return whyRefused({ object: cache(lists), oldObject }, { strict })
}

const a: List = { images: ['a'] }
const ab: List = { images: ['a', 'b'] }
const onB: List = { images: ['a'], nodeSelector: { tier: 'b' } }

describe('an ImageCache', () => {
  it.each<[string, List[], List[] | undefined, string | undefined, string | undefined]>([
    ['new', [a, onB], undefined, undefined, undefined],
    ['with no list', [], undefined, undefined, undefined],
    ['with an empty text', [{ images: [''] }], undefined, undefined, undefined],
    ['with an image in two lists', [a, a], undefined, undefined, undefined],
    [
      'with an image twice in a list',
      [a, { images: ['b', 'x:1', 'b', 'x:1'] }],
      undefined,
      ...both('Duplicate image names within image list: b'),
    ],
    ['with an empty list', [{ images: [] }], undefined, undefined, 'No images specified within image list'],
    ['whose list is emptied', [{ images: [] }], [a], undefined, 'No images specified within image list'],
    ['that gets an image', [ab], [a], undefined, undefined],
    ['that loses an image', [a], [ab], undefined, undefined],
    ['that gets a list', [a, a], [a], undefined, 'Mismatch in no. of image lists'],
    ['that loses a list', [a], [a, a], undefined, 'Mismatch in no. of image lists'],
    ['whose lists change places', [onB, a], [a, onB], undefined, 'Mismatch in node selector'],
    ['whose selector goes', [a], [onB], undefined, 'Mismatch in node selector'],
    ['whose absent selector is empty now', [{ ...a, nodeSelector: {} }], [a], undefined, 'Mismatch in node selector'],
    ['whose absent selector is null now', [{ ...a, nodeSelector: null }], [a], undefined, undefined],
    [
      'whose first list repeats an image and whose second one is empty',
      [{ images: ['c', 'c'] }, { images: [] }],
      undefined,
      ...both('Duplicate image names within image list: c'),
    ],
    [
      'with two lists more, one of them empty',
      [a, { images: [] }],
      [a],
      undefined,
      'No images specified within image list',
    ],
  ])('%s', (_, lists, old, byDefault, strictly) => {
    expect(judge(lists, old, false)).toBe(byDefault)
    expect(judge(lists, old, true)).toBe(strictly)
  })

  it.each<[string, object, string]>([
    ['no lists', cache(undefined), 'spec.cacheSpec: Invalid input: expected array, received undefined'],
    [
      'images that are no texts',
      cache([{ images: [1] }]),
      'spec.cacheSpec[0].images[0]: Invalid input: expected string',
    ],
    [
      'a shell in an image',
      cache([{ images: ['nginx;reboot'] }]),
      'spec.cacheSpec[0].images[0]: "nginx;reboot" is not an image reference',
    ],
    ['a name that is too long', cache([{ images: [`${'a/'.repeat(200)}a`] }]), 'longer than 255'],
    ['a refresh each second', cache([a], { refreshFrequency: '1s' }), 'spec.refreshFrequency: "1s" is too often'],
  ])('with %s is refused, and it is said where', (_, object, text) => {
    expect(whyRefused({ object, oldObject: undefined }, { strict: false })).toContain(text)
  })

  it('may have fields that only a newer definition knows, and any metadata', () => {
    const object = { ...cache([{ ...a, later: 1 }], { sooner: true }), metadata: { name: 'X', newer: 1 } }
    expect(whyRefused({ object, oldObject: undefined }, { strict: true })).toBeUndefined()
  })

  it('says ten of its problems and counts the others', () => {
    const images = Array.from({ length: 30 }, (_, index) => `Bad ${index}`)
    expect(judge([{ images }], undefined, false)).toMatch(/images\[9\][^;]*; 20 more$/)
  })

  it('may always be written as it was, whatever it holds', () => {
    const list = fc.record({
      images: fc.array(fc.constantFrom('', 'a', 'b', 'No;thing'), { maxLength: 4 }),
      nodeSelector: fc.option(fc.dictionary(fc.string(), fc.string(), { maxKeys: 2 })),
    })
    fc.assert(
      fc.property(fc.array(list, { maxLength: 4 }), fc.boolean(), (lists, strict) => {
        const sent = JSON.stringify(lists)
        expect(judge(JSON.parse(sent), JSON.parse(sent), strict)).toBeUndefined()
      }),
    )
  })

  it.each([
    ['no lists', undefined],
    ['a list without images', [{}]],
    ['images that are null', [{ images: null }]],
    ['more than one kind of thing', [1, { images: ['a', 'a'] }]],
  ])('that came to have %s may have its finalizers and its status written', (_, lists) => {
    const [object, oldObject] = [{ ...cache(lists), metadata: { name: 'shop', finalizers: [] } }, cache(lists)]
    expect(whyRefused({ object, oldObject }, { strict: true })).toBeUndefined()
    expect(whyRefused({ object, oldObject: cache([a]) }, { strict: true })).toBeDefined()
  })

  it('is refused for an image that a list names twice, the first that comes again', () => {
    const images = fc.array(fc.constantFrom('a', 'b', 'c', 'd', ''), { maxLength: 6 })
    fc.assert(
      fc.property(images, (names) => {
        const again = names.find((name, index) => names.indexOf(name) < index)
        const text = again === undefined ? undefined : `Duplicate image names within image list: ${again}`
        expect(judge([{ images: names }], undefined, false)).toBe(text)
      }),
    )
  })
})

function both(text: string): [string, string] {
  return [text, text]
}
