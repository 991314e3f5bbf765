import type { Mutation } from './mutation.ts'

const runtime = ['test/runtimes/llm.test.ts']
const structure = ['test/runtimes/gguf.test.ts']
const native = ['test/runtimes/llm-native.test.ts']
const engines = ['test/host/engine-choice.test.ts']
const requests = ['test/host/prompts.test.ts']

export const llm: readonly Mutation[] = [
  {
    name: 'A model’s tensors may lie anywhere in its file.',
    file: 'src/runtimes/gguf/check.ts',
    find: 'if (tensor.offset !== end)',
    replace: 'if (tensor.offset > 2 ** 40)',
    caughtBy: structure,
  },
  {
    name: 'A model is loaded whose data is cut short.',
    file: 'src/runtimes/gguf/check.ts',
    find: 'if (dataOffset + end > fileBytes)',
    replace: 'if (end > 2 * fileBytes)',
    caughtBy: structure,
  },
  {
    name: 'A list in a model’s header is as long as it says.',
    file: 'src/runtimes/gguf/header.ts',
    find: 'if (count > BigInt(this.#left))',
    replace: 'if (count < 0n)',
    caughtBy: structure,
  },
  {
    name: 'Weights that are no numbers are loaded.',
    file: 'src/runtimes/gguf/numbers.ts',
    find: 'return (bits & 0x7f800000) !== 0x7f800000',
    replace: 'return bits !== 0x7f800000',
    caughtBy: runtime,
  },
  {
    name: 'Scores that are no numbers make an answer.',
    file: 'src/runtimes/llama/llama.ts',
    find: 'probs.some(({ prob }) => prob === null)',
    replace: 'probs.some(({ prob }) => prob === undefined)',
    caughtBy: runtime,
  },
  {
    name: 'A record gets the tokens that the one before it left in the cache.',
    file: 'src/runtimes/llama/llama.ts',
    find: "act(module, 'clear_cache', { clear_data: true })",
    replace: "if (action === 'embedding') act(module, 'clear_cache', { clear_data: true })",
    caughtBy: runtime,
  },
  {
    name: 'A temperature of 0 is taken for greedy.',
    file: 'src/runtimes/llama/llama.ts',
    find: 'const greedy = { temperature: 1, top_k: 2, top_p: 1e-9, min_p: 0 }',
    replace: 'const greedy = { temperature: 1, top_k: 40, top_p: 1, min_p: 0 }',
    caughtBy: runtime,
  },
  {
    name: 'An engine that failed is asked again.',
    file: 'src/runtimes/llama/llama.ts',
    find: '    } catch (error) {\n      this.#module = null\n      throw error',
    replace: '    } catch (error) {\n      throw error',
    caughtBy: runtime,
  },
  {
    name: 'A template learns the time of the machine.',
    file: 'src/runtimes/llama/llama.ts',
    find: 'Date.now = () => standingMs',
    replace: 'Date.now = () => now()',
    caughtBy: runtime,
  },
  {
    name: 'An answer in JSON may stand in a fence of Markdown, and end anywhere.',
    file: 'src/runtimes/llama/llama.ts',
    find: "'root ::= space response-format'",
    replace: "'root ::= space response-format [a-z ]*'",
    caughtBy: runtime,
  },
  {
    name: 'A prompt that is too long is cut by the engine.',
    file: 'src/runtimes/llm/llm.ts',
    find: 'if (tokensMax < 1 || tokensMax > room)',
    replace: 'if (tokensMax > this.#contextTokens)',
    caughtBy: runtime,
  },
  {
    name: 'A user’s text speaks for the system.',
    file: 'src/runtimes/llm/llm.ts',
    find: 'content: withoutMarks(content, this.#marks)',
    replace: 'content',
    caughtBy: runtime,
  },
  {
    name: 'A schema is as large as its repetitions make it.',
    file: 'src/runtimes/llm/schema.ts',
    find: 'if (!(total <= copiesMax))',
    replace: 'if (own > copiesMax)',
    caughtBy: requests,
  },
  {
    name: 'A field that changes the answer is passed over.',
    file: 'src/runtimes/llm/request.ts',
    find: 'if (known.includes(name) || ignored.includes(name) || value === null) continue',
    replace: "if (name !== 'n') continue",
    caughtBy: requests,
  },
  {
    name: 'A document’s text is searched for places of the template.',
    file: 'src/host/submission/prompts.ts',
    find: 'return fields[name]!',
    replace: 'return fields[name]!.replaceAll(placePattern, (_, other: string) => fields[other] ?? "")',
    caughtBy: requests,
  },
  {
    name: 'A model that takes too much memory is loaded until the kernel ends it.',
    file: 'src/runtimes/llama/room.ts',
    find: 'if (instance <= instanceBytesMax && instance + fileBytes <= processBytesMax) return null',
    replace: 'if (instance <= 4 * instanceBytesMax) return null',
    caughtBy: runtime,
  },
  {
    name: 'A text that no context holds is made a vector of its beginning.',
    file: 'src/runtimes/embed/embed.ts',
    find: 'if (tokens + frameTokens > this.#contextTokens)',
    replace: 'if (tokens > 100 * this.#contextTokens)',
    caughtBy: ['test/runtimes/embed.test.ts'],
  },
  {
    name: 'Vectors are rounded.',
    file: 'src/runtimes/embed/embed.ts',
    find: 'const embedding = this.#isBase64 ? base64Of(numbers) : numbers',
    replace:
      'const embedding = this.#isBase64 ? base64Of(numbers) : numbers.map((one) => Number(one.toFixed(6)))',
    caughtBy: ['test/runtimes/embed.test.ts'],
  },
  {
    name: 'The native engine reads what the record before left.',
    file: 'src/runtimes/llama/native/native-llama.ts',
    find: 'if (place === 0) context.disposeSequence(0)',
    replace: 'if (tokens.length > 100) context.disposeSequence(0)',
    caughtBy: native,
  },
  {
    name: 'The native engine’s next token is read where another one stands.',
    file: 'src/runtimes/llama/native/native-llama.ts',
    find: 'input.length + ids.length - 1)',
    replace: 'input.length + ids.length)',
    caughtBy: native,
  },
  {
    name: 'A token’s probability is the one that the schema leaves it.',
    file: 'src/runtimes/llama/native/native-llama.ts',
    find: 'return [token, logProbOf(all[i + 1])]',
    replace: 'return [token, 0]',
    caughtBy: native,
  },
  {
    name: 'Replicas of different classes of processors are compared by their bytes.',
    file: 'src/runtimes/llama/native/binary.ts',
    find: 'JSON.stringify({ hash, isa, use })',
    replace: 'JSON.stringify({ hash, use })',
    caughtBy: native,
  },
  {
    name: 'A dispute within a class of processors is settled by an engine with other bytes.',
    file: 'src/host/stewardship/recomputer.ts',
    find: "agreement === 'class-bytes' ? engine.id === id : engine.isa === null",
    replace: 'engine.isa === null',
    caughtBy: engines,
  },
  {
    name: 'An engine that holds weights in memory gets those that are too large for it.',
    file: 'src/host/submission/engine-choice.ts',
    find: '!(isLarge && engine.isa === null)',
    replace: '!(isLarge && engine.isa === undefined)',
    caughtBy: engines,
  },
]
