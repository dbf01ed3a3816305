import regexp from 'eslint-plugin-regexp'
import neostandard, { resolveIgnoresFromGitignore } from 'neostandard'

const BROWSER = ['IntersectionObserver', 'ResizeObserver', 'addEventListener', 'devicePixelRatio', 'getComputedStyle', 'location', 'matchMedia', 'requestAnimationFrame']

export default [
  ...neostandard({ ts: true, ignores: resolveIgnoresFromGitignore() }),
  // The dashboard runs in a browser, and nothing of Node's is there.
  { files: ['dashboard/*.js'], languageOptions: { globals: { ...Object.fromEntries(BROWSER.map(name => [name, 'readonly'])), process: 'off', Buffer: 'off', require: 'off' } } },
  // One field of a backend's, or of a client's, is to cost no more time than its length: a process has one thread for all of them.
  {
    files: ['src/**', 'plugins/**', 'routes/**', 'dashboard/**'],
    plugins: { regexp },
    rules: {
      'regexp/no-super-linear-backtracking': ['error', { report: 'potential' }],
      'regexp/no-super-linear-move': ['error', { report: 'potential' }],
      // What is put together while it runs, the two cannot judge.
      'no-restricted-syntax': ['error', {
        selector: ':matches(NewExpression, CallExpression)[callee.name="RegExp"]:not([arguments.0.type="Literal"])',
        message: 'Write the expression as a literal, so that lint can tell whether it backtracks.'
      }]
    }
  },
  {
    files: ['**/*.ts'],
    rules: {
      '@stylistic/object-property-newline': 'off',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      // A parameter that an interface asks for, and an implementation has no use of, is written with an underscore.
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', caughtErrors: 'none' }]
    }
  }
]
