import { describe, expect, it } from 'vitest'
import { parseProviderConfig } from './provider-config.ts'

const ecr = {
  name: 'ecr-credential-provider',
  matchImages: ['*.dkr.ecr.*.amazonaws.com'],
  defaultCacheDuration: '12h',
  apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
}
const config = (provider: object, more: object = {}): string =>
  JSON.stringify({
    apiVersion: 'kubelet.config.k8s.io/v1',
    kind: 'CredentialProviderConfig',
    providers: [provider],
    ...more,
  })

describe('parseProviderConfig', () => {
  it('reads what the kubelet reads', () => {
    const text = `
apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
  - name: ecr-credential-provider
    matchImages: ["*.dkr.ecr.*.amazonaws.com", public.ecr.aws]
    defaultCacheDuration: "12h"
    apiVersion: credentialprovider.kubelet.k8s.io/v1
    args: [get-credentials]
    env:
      - { name: AWS_PROFILE, value: edge }
`
    expect(parseProviderConfig(text, 'config.yaml')).toEqual([
      {
        name: 'ecr-credential-provider',
        matchImages: ['*.dkr.ecr.*.amazonaws.com', 'public.ecr.aws'],
        defaultCacheMs: 12 * 3600_000,
        apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
        args: ['get-credentials'],
        env: { AWS_PROFILE: 'edge' },
      },
    ])
  })

  it.each(['v1', 'v1beta1', 'v1alpha1'])('knows version %s', (version) => {
    const provider = { ...ecr, apiVersion: `credentialprovider.kubelet.k8s.io/${version}` }
    const text = config(provider, { apiVersion: `kubelet.config.k8s.io/${version}` })
    expect(parseProviderConfig(text, 'config.yaml')).toMatchObject([
      { apiVersion: provider.apiVersion, args: [], env: {} },
    ])
  })

  it.each<[string, string, string]>([
    ['no YAML', '{', 'not valid YAML'],
    ['nothing', '', 'the text: '],
    ['another kind', config(ecr, { kind: 'KubeletConfiguration' }), 'kind: '],
    ['another version', config(ecr, { apiVersion: 'kubelet.config.k8s.io/v2' }), 'apiVersion: '],
    ['no plugin', config(ecr, { providers: [] }), 'providers: names no plugin'],
    ['an unknown field', config({ ...ecr, matchImage: [] }), 'providers[0].matchImage: unknown field'],
    ['a path', config({ ...ecr, name: '../sh' }), 'providers[0].name: must be the plain name of a file'],
    ['the directory itself', config({ ...ecr, name: '..' }), 'providers[0].name: '],
    ['a blank', config({ ...ecr, name: 'sh -c' }), 'providers[0].name: '],
    ['no name', config({ ...ecr, name: '' }), 'providers[0].name: is missing'],
    ['no images', config({ ...ecr, matchImages: [] }), 'providers[0].matchImages: names no image'],
    [
      'a scheme',
      config({ ...ecr, matchImages: ['a', 'https://b'] }),
      'providers[0].matchImages[1]: "https://b" names a scheme',
    ],
    ['no duration', config({ ...ecr, defaultCacheDuration: undefined }), 'providers[0].defaultCacheDuration: '],
    [
      'a negative duration',
      config({ ...ecr, defaultCacheDuration: '-5m' }),
      'providers[0].defaultCacheDuration: "-5m" is not',
    ],
    ['another protocol', config({ ...ecr, apiVersion: 'v1' }), 'providers[0].apiVersion: '],
    [
      "service accounts' tokens",
      config({ ...ecr, tokenAttributes: { serviceAccountTokenAudience: 'x' } }),
      'providers[0].tokenAttributes: is not supported',
    ],
  ])('refuses %s', (_, text, message) => {
    expect(() => parseProviderConfig(text, 'config.yaml')).toThrow(`config.yaml: ${message}`)
  })

  it('quotes no value of a variable', () => {
    const env = [
      { name: 'A=B', value: 'geheim' },
      { name: 'C', value: 'geh\0eim' },
    ]
    const refused = (): unknown => parseProviderConfig(config({ ...ecr, env }), 'config.yaml')
    expect(refused).toThrow(/providers\[0\]\.env\[0\]\.name: holds a =; providers\[0\]\.env\[1\]\.value: holds a NUL/)
    expect(refused).not.toThrow(/geh/)
  })
})
