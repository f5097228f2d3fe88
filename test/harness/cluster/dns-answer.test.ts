import { expect, it } from 'vitest'
import { answerDns } from './dns-answer.ts'

/** As a resolver asks: one question, and what it says besides (EDNS). */
function query(name: string, type: number): Buffer {
  const labels = name.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label)]))
  const rest = Buffer.from([0, 0, type, 0, 1, 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0])
  return Buffer.concat([Buffer.from([0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1]), ...labels, rest])
}
const addressOf = (name: string): string | undefined => (name === 'shop.default.svc' ? '10.96.0.7' : undefined)

it.each([
  ['the address', 'Shop.default.svc', 1, 0, [10, 96, 0, 7]],
  ['that there is no other', 'shop.default.svc', 28, 0, undefined],
  ['that there is no such name', 'shop.default', 1, 3, undefined],
])('a name server of a cluster says %s', (_, name, type, code, address) => {
  const answer = answerDns(query(name, type), addressOf)
  expect(answer.readUInt16BE(0)).toBe(0xabcd)
  expect(answer.readUInt16BE(2) & 0xf).toBe(code)
  expect(answer.readUInt16BE(6)).toBe(address ? 1 : 0)
  if (address) expect([...answer.subarray(-4)]).toEqual(address)
})
