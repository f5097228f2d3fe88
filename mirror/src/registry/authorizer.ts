import { Fault, isFault } from '../oci/fault.ts'
import type { Challenge } from './challenge.ts'
import { describeCredential, type Credential, type CredentialSource } from './credential.ts'
import { chooseChallenge, type Login } from './login.ts'
import { responseFault } from './response-fault.ts'
import { restated } from './restated.ts'
import { discard, type Answer } from './transport.ts'

/** One request that may be sent again with another `Authorization`. */
export interface Errand {
  readonly repository: string
  /** What is asked for, for messages. */
  readonly what: string
  readonly attempt: (authorization: string | undefined) => Promise<Answer>
  readonly signal?: AbortSignal | undefined
  /** Whether more than pulling is to be allowed, where the registry does not say what it wants. */
  readonly isPush?: boolean | undefined
}

/** Proves to one registry who asks, and remembers per repository how it was done. */
export interface Authorizer {
  /**
   * Sends a request: as it was last accepted, else with one credential after another, as the kubelet does. A credential is
   * not shown before the registry asks for one. Every answer that is no refusal is handed out.
   * @throws Fault denied (it says who was refused and where the credential is from) | not-found | unavailable | invalid
   */
  send(errand: Errand): Promise<Answer>
  /** Forgets who was let in, and by what: the credentials are other ones by now. */
  forget(): void
}

export interface AuthorizerOptions {
  /** Its host as references write it: what credentials are matched against. */
  readonly registry: string
  /** Where it is spoken to. */
  readonly endpoint: URL
  readonly credentials: CredentialSource
  readonly login: Login
}

type Candidate = Credential | undefined

/** What is known about one repository. */
interface Knowledge {
  challenge?: Challenge | undefined
  /** Who was let in last, in a list of one: nobody in particular may have been. */
  accepted?: readonly [Candidate] | undefined
}

export function createAuthorizer({ registry, endpoint, credentials, login }: AuthorizerOptions): Authorizer {
  const repositories = new Map<string, Knowledge>()

  /** A redirect leads to storage that never sees our credentials: its refusal is not the registry's. */
  const isRefusal = ({ status, url }: Answer): boolean =>
    (status === 401 || status === 403) && url.origin === endpoint.origin

  async function authorize(
    candidate: Candidate,
    { challenge }: Knowledge,
    errand: Errand,
  ): Promise<string | undefined> {
    try {
      return challenge && (await login.authorization(challenge, candidate, errand))
    } catch (error) {
      throw isFault(error) ? prefixed(error, errand.what) : error
    }
  }

  /** Sends, and meets a challenge once: a token that has expired meanwhile is one too. */
  async function sendAs(candidate: Candidate, known: Knowledge, errand: Errand): Promise<Answer> {
    const first = await authorize(candidate, known, errand)
    const answer = await errand.attempt(first)
    if (answer.status !== 401 || !isRefusal(answer)) return answer
    if (first !== undefined) login.refused(first)
    known.challenge = chooseChallenge(answer)
    const second = await authorize(candidate, known, errand)
    if (second === undefined || second === first) return answer
    await discard(answer)
    return await errand.attempt(second)
  }

  async function refusalOf(answer: Answer, candidate: Candidate, { what }: Errand): Promise<Fault> {
    const fault = await responseFault(answer, `${what}: ${describeCredential(candidate)} was refused`)
    return candidate ? fault : hinted(fault, `add an image pull secret or a Docker configuration for ${registry}`)
  }

  /** An answer, or the fault that makes the next candidate worth a try. */
  async function tryAs(candidate: Candidate, known: Knowledge, errand: Errand): Promise<Answer | Fault> {
    try {
      const answer = await sendAs(candidate, known, errand)
      return isRefusal(answer) ? await refusalOf(answer, candidate, errand) : answer
    } catch (error) {
      if (isFault(error, 'denied')) return error
      throw error
    }
  }

  /** Some registries hide what a credential may not see behind 404. */
  async function tryEach(
    candidates: readonly Candidate[],
    known: Knowledge,
    errand: Errand,
    { isAll }: { readonly isAll: boolean },
  ): Promise<Answer | readonly Fault[]> {
    const refusals: Fault[] = []
    for (const [index, candidate] of candidates.entries()) {
      const result = await tryAs(candidate, known, errand)
      if (result instanceof Fault) refusals.push(result)
      else if (result.status === 404 && (!isAll || index < candidates.length - 1)) {
        refusals.push(await responseFault(result, errand.what))
      } else {
        known.accepted = [candidate]
        return result
      }
    }
    return refusals
  }

  async function tryAll(known: Knowledge, errand: Errand): Promise<Answer> {
    const image = { registry, repository: errand.repository }
    const { usable, lacking } = sorted(await credentials(image))
    const candidates = usable.length > 0 ? usable : [undefined]
    const first = await tryEach(candidates, known, errand, { isAll: lacking.length === 0 })
    if (!isRefusals(first)) return first
    const renewed = sorted(await credentials(image, { refused: usable }))
    const second = await tryEach(renewed.usable, known, errand, { isAll: true })
    if (!isRefusals(second)) return second
    throw withLacking(summaryOf([...first, ...second], errand.what), [...lacking, ...renewed.lacking])
  }

  return {
    async send(errand) {
      const known = repositories.get(errand.repository) ?? {}
      repositories.set(errand.repository, known)
      if (known.accepted) {
        const result = await tryAs(known.accepted[0], known, errand)
        if (!(result instanceof Fault)) return result
        known.accepted = undefined
      }
      return await tryAll(known, errand)
    },
    forget: () => repositories.clear(),
  }
}

function sorted(found: readonly (Credential | Fault)[]): { readonly usable: Credential[]; readonly lacking: Fault[] } {
  return {
    usable: found.filter((each): each is Credential => !isFault(each)),
    lacking: found.filter((each): each is Fault => isFault(each)),
  }
}

function isRefusals(result: Answer | readonly Fault[]): result is readonly Fault[] {
  return Array.isArray(result)
}

/** Who was not let in might be, with what could not be had. */
function withLacking(fault: Fault, lacking: readonly Fault[]): Fault {
  const [first] = lacking
  if (!first) return fault
  const words = new Set(lacking.map(({ message }) => message))
  return new Fault(first.code, [fault.message, ...words].join('; '), {
    cause: fault,
    details: { ...fault.details, lacksCredentials: true },
  })
}

function summaryOf(refusals: readonly Fault[], what: string): Fault {
  const telling = refusals.find((fault) => fault.code === 'not-found') ?? refusals[0]
  if (!telling) return new Fault('denied', `${what}: no credential was accepted`)
  if (refusals.length === 1 || telling.code === 'not-found') return telling
  const all = refusals.map(({ message }) => message).join('; ')
  return new Fault('denied', `${what}: none of ${refusals.length} credentials was accepted: ${all}`, { cause: telling })
}

function prefixed(fault: Fault, what: string): Fault {
  return restated(fault, `${what}: ${fault.message}`)
}

function hinted(fault: Fault, hint: string): Fault {
  return restated(fault, `${fault.message}; ${hint}`)
}
