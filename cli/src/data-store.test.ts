import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openDataStore, parseS3Location, type DataFlags } from './data-store.ts'

describe('a place in a bucket', () => {
  it.each([
    ['s3://content', { bucket: 'content', prefix: '' }],
    ['s3://content/', { bucket: 'content', prefix: '' }],
    ['s3://my.content-1/mirrors/north', { bucket: 'my.content-1', prefix: 'mirrors/north' }],
    ['s3://content/north/', { bucket: 'content', prefix: 'north' }],
  ])('is %s', (text, expected) => {
    expect(parseS3Location(text)).toEqual(expected)
  })

  it.each([
    's3:',
    's3://',
    's3:content',
    's3:///north',
    's3://a',
    's3://content/../x',
    's3://content//x',
    's3://key:s@c/x',
  ])('is not %s', (text) => {
    expect(() => parseS3Location(text)).toThrow('--data: write s3://BUCKET')
  })
})

describe('a directory as the place of data', () => {
  it.each<[string, Partial<DataFlags>]>([
    ['an endpoint', { s3Endpoint: new URL('http://127.0.0.1:1') }],
    ['a region', { s3Region: 'eu' }],
    ['addressing', { s3Addressing: 'path' }],
    ['redirects', { s3Redirect: [] }],
  ])('has nothing to do with %s of S3', async (_, flags) => {
    await expect(openDataStore({ data: '/nowhere', ...flags })).rejects.toThrow('go with --data s3://BUCKET')
  })

  it('is opened and locked', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'stowage-data-'))
    {
      await using data = await openDataStore({ data: join(directory, 'data') })
      expect(data.directory).toBe(join(directory, 'data'))
      await expect(openDataStore({ data: join(directory, 'data') })).rejects.toMatchObject({ code: 'conflict' })
    }
    await rm(directory, { recursive: true })
  })
})
