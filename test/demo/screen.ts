import { styleText } from 'node:util'
import type { DemoView } from './demo-view.ts'
import { clock, drawBlock, drawLines, type DrawnLine, type Tone } from './draw-view.ts'

/** Where the demo tells its story. */
export interface Screen extends Disposable {
  /** A line that stays. */
  say(text: string): void
  /** Text as it is, with its own ends of lines. */
  print(text: string): void
  /** A small event: a line where lines are all there is; on a terminal the block shows it. */
  note(text: string): void
  /** Shows where everything stands; may be called often. */
  show(view: DemoView): void
  /** Takes the block away; what is said afterwards comes in its place. */
  clear(): void
}

/** A stream of the process, or something that looks like one. */
export interface Output {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  write(text: string): unknown
  hasColors?(): boolean
}

export interface ScreenOptions {
  readonly out: Output
  /** Milliseconds since the demo began. */
  readonly elapsedMs: () => number
}

const plainEveryMs = 5000
const tones = {
  title: 'bold',
  plain: 'reset',
  good: 'green',
  bad: 'red',
  faint: 'dim',
} as const satisfies Record<Tone, Parameters<typeof styleText>[0]>

/** On a terminal a block that is drawn anew in its place below the story; elsewhere plain lines, now and then. */
export function createScreen(options: ScreenOptions): Screen {
  return options.out.isTTY ? terminalScreen(options) : plainScreen(options)
}

function plainScreen({ out, elapsedMs }: ScreenOptions): Screen {
  let shownAt = -Infinity
  const say = (text: string): void => void out.write(`${clock(elapsedMs())}  ${text}\n`)
  return {
    say,
    print: (text) => void out.write(text),
    note: say,
    show(view) {
      if (view.elapsedMs - shownAt < plainEveryMs) return
      shownAt = view.elapsedMs
      out.write(`${drawLines(view).join('\n')}\n`)
    },
    clear: () => undefined,
    [Symbol.dispose]: () => undefined,
  }
}

function terminalScreen({ out, elapsedMs }: ScreenOptions): Screen {
  let shown: readonly string[] = []
  const erased = (): string => (shown.length === 0 ? '' : `\r\u001b[${shown.length}A\u001b[J`)
  /** One write, so that no half-drawn block is ever seen. */
  function redraw(said: string, lines: readonly string[]): void {
    out.write(`${erased()}${said}${lines.map((line) => `${line}\n`).join('')}`)
    shown = lines
  }
  const clear = (): void => redraw('', [])
  return {
    say: (text) => redraw(`${clock(elapsedMs())}  ${text}\n`, shown),
    print: (text) => redraw(text, shown),
    note: () => undefined,
    show(view) {
      // A line too many, and the terminal would scroll away from where the block began.
      const lines = ['', ...drawBlock(view).map((line) => painted(line, out))].slice(0, (out.rows ?? 24) - 1)
      redraw('', lines)
    },
    clear,
    [Symbol.dispose]: clear,
  }
}

/** Cut to the width of the terminal: a line that wraps would be two to take back. */
function painted({ text, tone }: DrawnLine, out: Output): string {
  const shown = text.replaceAll(/\p{Cc}/gu, ' ').slice(0, (out.columns ?? 80) - 1)
  return out.hasColors?.() ? styleText(tones[tone], shown, { validateStream: false }) : shown
}
