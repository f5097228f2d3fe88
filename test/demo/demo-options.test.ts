import { describe, expect, it } from 'vitest'
import { parseDemoOptions, UsageError } from './demo-options.ts'

describe('the command line of the demo', () => {
  it.each([
    [[], { kind: 'made', size: 'full' }],
    [['--size', 'small'], { kind: 'made', size: 'small' }],
    [['--runtime', 'containerd'], { kind: 'made', size: 'full', runtime: 'containerd' }],
    [['--help'], { kind: 'help' }],
    [['--image', 'nginx:1', '--next', 'nginx:2'], { kind: 'named', image: 'nginx:1', next: 'nginx:2' }],
  ])('understands %j', (args, options) => {
    expect(parseDemoOptions(args)).toEqual(options)
  })

  it.each([
    [['--imgae', 'nginx'], /--imgae/],
    [['nginx'], /nginx/],
    [['--image'], /--image/],
    [['--image', 'nginx:1'], /--image needs --next/],
    [['--next', 'nginx:1'], /--next needs --image/],
    [['--image', 'NGINX', '--next', 'nginx:2'], /--image: "NGINX".*lower case/],
    [['--image', 'nginx', '--next', 'docker.io/library/nginx:latest'], /both docker.io\/library\/nginx:latest/],
    [['--size', 'large'], /full or small/],
    [['--runtime', 'docker'], /layout or containerd, not "docker"/],
  ])('refuses %j', (args, message) => {
    expect(() => parseDemoOptions(args)).toThrow(UsageError)
    expect(() => parseDemoOptions(args)).toThrow(message)
  })
})
