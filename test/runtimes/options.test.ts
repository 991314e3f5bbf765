/** Which options a job may set, for every runtime that there is. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { limitOptions, pageCpuMsOption } from '../../src/runtimes/options.ts'
import { ownOptionsOf, pageCpuMsMaxOf, runtimes, wrongOptionOf } from '../../src/runtimes/registry.ts'

test('each option of each runtime takes its least, its most and its default, and nothing beyond', () => {
  for (const [runtime, { options }] of Object.entries(runtimes))
    for (const [name, option] of Object.entries(options)) {
      if ('choices' in option) {
        for (const good of option.choices) assert.equal(wrongOptionOf(runtime, { [name]: good }), undefined)
        for (const bad of ['', 'never', 0, true])
          assert.match(wrongOptionOf(runtime, { [name]: bad })!, new RegExp(`${name} is not one of `))
        continue
      }
      const { least, most, default: value } = option
      for (const good of [least, most, value])
        assert.equal(wrongOptionOf(runtime, { [name]: good }), undefined, `${runtime} ${name} ${good}`)
      for (const bad of [
        least - 1,
        most + 1,
        least + 0.5,
        Number.NaN,
        Infinity,
        -Infinity,
        '',
        'never',
        `${value}`,
        true,
      ])
        assert.match(
          wrongOptionOf(runtime, { [name]: bad })!,
          new RegExp(`${name} is not a whole number from`),
        )
    }
})

test('an option that a runtime does not have is refused with those that it has', () => {
  for (const name of ['lines', '__proto__', 'constructor', 'toString', ''])
    for (const runtime of Object.keys(runtimes))
      assert.match(
        wrongOptionOf(runtime, Object.fromEntries([[name, 1]]))!,
        /no option is called .*pageCpuMsMax/,
      )
  assert.equal(wrongOptionOf('nothing that is known', { lines: 1 }), undefined)
})

test('the limit of a page is a number within its range, whatever the options say', () => {
  const { least, most, default: value } = limitOptions[pageCpuMsOption]!
  assert.equal(pageCpuMsMaxOf({}), value)
  assert.equal(pageCpuMsMaxOf({ pageCpuMsMax: 1_000 }), 1_000)
  for (const bad of [Number.NaN, Infinity, -1, 'never', true, least - 1, most + 1])
    assert.equal(pageCpuMsMaxOf({ pageCpuMsMax: bad }), value)
  assert.deepEqual(ownOptionsOf({ pageCpuMsMax: 1_000, memoryPagesMax: 3 }), { memoryPagesMax: 3 })
})
