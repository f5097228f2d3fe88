import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { aCache, aNode, type ListSpec } from '../testing/world.ts'
import { selects } from './known-node.ts'

const node = aNode('ship-7', { labels: { tier: 'backend', zone: 'north' } })

function isSelected(list: Omit<ListSpec, 'images'>, of = node): boolean {
  const [checked] = aCache('a', [{ images: [], ...list }]).lists
  return checked !== undefined && selects(checked, of)
}
const expression = (key: string, operator: string, ...values: string[]) => ({
  selector: { matchExpressions: [{ key, operator, ...(values.length > 0 && { values }) }] },
})

describe('a list', () => {
  it.each<[string, Omit<ListSpec, 'images'>, boolean]>([
    ['without a selector', {}, true],
    ['with an empty selector', { nodeSelector: {}, selector: {}, nodeNames: [] }, true],
    ['by labels', { nodeSelector: { tier: 'backend', zone: 'north' } }, true],
    ['by a label that has another value', { nodeSelector: { tier: 'backend', zone: 'south' } }, false],
    ['by matchLabels', { selector: { matchLabels: { tier: 'backend' } } }, true],
    ['by matchLabels that differ', { selector: { matchLabels: { tier: 'frontend' } } }, false],
    ['by one of several values', expression('zone', 'In', 'south', 'north'), true],
    ['by values that it does not have', expression('zone', 'In', 'south', 'west'), false],
    ['by a label that it lacks', expression('rack', 'In', 'a'), false],
    ['by values that it must not have', expression('zone', 'NotIn', 'north'), false],
    ['by values that it must not have and does not', expression('zone', 'NotIn', 'south'), true],
    ['by values of a label that it lacks and must not have', expression('rack', 'NotIn', 'a'), true],
    ['by a label that is to be there', expression('zone', 'Exists'), true],
    ['by a label that is to be there and is not', expression('rack', 'Exists'), false],
    ['by a label that must not be there', expression('zone', 'DoesNotExist'), false],
    ['by a label that must not be there and is not', expression('toString', 'DoesNotExist'), true],
    ['by name', { nodeNames: ['ship-1', 'ship-7'] }, true],
    ['by the name of another one', { nodeNames: ['ship-1'] }, false],
    ['by name and by labels that it lacks', { nodeNames: ['ship-7'], nodeSelector: { tier: 'x' } }, false],
    ['by both selectors', { nodeSelector: { tier: 'backend' }, ...expression('zone', 'NotIn', 'north') }, false],
  ])('selects a node %s', (_, list, expected) => {
    expect(isSelected(list)).toBe(expected)
  })

  it('means the same with matchLabels, In, and the older nodeSelector; NotIn is the opposite of In', () => {
    const word = fc.constantFrom('a', 'b', 'c')
    fc.assert(
      fc.property(fc.dictionary(word, word), word, word, (labels, key, value) => {
        const of = { ...node, labels }
        const expected = labels[key] === value
        expect(isSelected({ nodeSelector: { [key]: value } }, of)).toBe(expected)
        expect(isSelected({ selector: { matchLabels: { [key]: value } } }, of)).toBe(expected)
        expect(isSelected(expression(key, 'In', value), of)).toBe(expected)
        expect(isSelected(expression(key, 'NotIn', value), of)).toBe(!expected)
      }),
    )
  })
})
