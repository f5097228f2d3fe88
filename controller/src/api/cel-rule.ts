/** A rule in CEL that an API server holds objects to (`x-kubernetes-validations` of a structural schema). */
export interface CelRule {
  readonly rule: string
  /** For API servers that do not know `messageExpression` (before 1.27). */
  readonly message: string
  readonly messageExpression: string
}

/** How many lists, and of each how many images, the rule below looks at: an API server bounds what a rule may cost. */
const [lists, images] = [16, 48]

/**
 * On `cacheSpec`: says in kube-fledged's words that a list names an image twice. That no list of whatever length does is up to
 * `x-kubernetes-list-type: set`; this is for people, who have few images and know these words. Its loops run over numbers, because
 * what an array without a bound may cost is too much.
 */
export const duplicateImageRule: CelRule = {
  rule: `${upTo(lists)}.all(l, l >= self.size() || !${upTo(images)}.exists(i, ${isAgain()}))`,
  message: 'Duplicate image names within image list',
  messageExpression:
    `'Duplicate image names within image list: ' + ${upTo(lists)}.filter(l, l < self.size())` +
    `.map(l, ${upTo(images)}.filter(i, ${isAgain()}).map(i, self[l].images[i])).filter(again, again.size() > 0)[0][0]`,
}

/** On an item of `matchExpressions`, as Kubernetes holds its own ones. */
export const expressionRule: CelRule = {
  rule: "(self.operator in ['In', 'NotIn']) == (has(self.values) && dyn(self.values) != null && self.values.size() > 0)",
  message: 'In and NotIn need values, Exists and DoesNotExist take none',
  messageExpression: "self.operator + (self.operator in ['In', 'NotIn'] ? ' needs values' : ' takes no values')",
}

/** On `refreshFrequency`. */
export const refreshRule: CelRule = {
  rule: "duration(self) == duration('0s') || duration(self) >= duration('10s')",
  message: 'too often: 0s (never), or 10s and longer',
  messageExpression: `'"' + self + '" is too often: 0s (never), or 10s and longer'`,
}

/** Whether image `i` of list `l` stands in it before. */
function isAgain(): string {
  return `i < self[l].images.size() && ${upTo(images)}.exists(j, j < i && self[l].images[j] == self[l].images[i])`
}

function upTo(count: number): string {
  return `[${Array.from({ length: count }, (_, index) => index).join(', ')}]`
}
