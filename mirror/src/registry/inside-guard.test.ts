import { isIP } from 'node:net'
import { describe, expect, it } from 'vitest'
import { createInsideGuard, isInside } from './inside-guard.ts'

it.each([
  '127.0.0.1',
  '10.1.2.3',
  '169.254.169.254',
  '172.31.255.255',
  '192.168.0.1',
  '100.64.0.1',
  '0.0.0.0',
  '255.255.255.255',
  '::1',
  'fe80::1',
  'fd00:ec2::254',
  '::ffff:10.0.0.1',
  '::ffff:a9fe:a9fe',
])('%s is inside', (address) => {
  expect(isInside(address)).toBe(true)
})

it.each(['1.1.1.1', '172.32.0.1', '192.0.2.1', '2606:4700::1111'])('%s is outside', (address) => {
  expect(isInside(address)).toBe(false)
})

const hosts: Readonly<Record<string, string>> = {
  'registry.example': '93.184.215.14',
  'auth.example': '93.184.215.15',
  'evil.example': '10.0.0.7',
  'harbor.site': '10.0.0.5',
  'minio.site': '10.0.0.6',
}

/** What comes of a connection from a registry to a URL. */
async function lead(from: string, to: string): Promise<string> {
  const look = async (name: string) => [{ address: hosts[name]!, family: isIP(hosts[name]!) }]
  const guard = createInsideGuard([new URL(`https://${from}`)], look)
  const url = new URL(to)
  const lookup = await guard(url)
  if (!lookup || isIP(url.hostname.replace(/^\[|\]$/g, '')) !== 0) return 'asked'
  return await new Promise((resolve, reject) => {
    lookup(url.hostname, { all: true }, (error, addresses) =>
      error ? reject(error) : resolve(JSON.stringify(addresses)),
    )
  })
}

describe('a registry', () => {
  it.each([
    ['registry.example', 'https://registry.example/v2/', 'asked'],
    ['registry.example', 'https://auth.example/token', '[{"address":"93.184.215.15","family":4}]'],
    ['registry.example', 'https://93.184.215.99/', 'asked'],
    ['harbor.site', 'http://minio.site:9000/x', '[{"address":"10.0.0.6","family":4}]'],
    ['harbor.site', 'http://10.0.0.9/x', 'asked'],
    ['10.0.0.5:5000', 'http://10.0.0.9/x', 'asked'],
  ])('at %s may lead to %s', async (from, to, expected) => {
    expect(await lead(from, to)).toBe(expected)
  })

  it.each([
    ['registry.example', 'http://169.254.169.254/latest/meta-data/'],
    ['registry.example', 'http://127.0.0.1:6443/'],
    ['registry.example', 'http://[::1]/'],
    ['registry.example', 'http://2130706433/'],
    ['registry.example', 'https://evil.example/x'],
  ])('at %s may not lead to %s', async (from, to) => {
    await expect(lead(from, to)).rejects.toMatchObject({ code: 'invalid', message: expect.stringContaining('inside') })
  })
})
