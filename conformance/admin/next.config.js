/** Nothing is deployed or typed here: without traces and checks a build takes 25 s of processor time instead of 41. */
export default { outputFileTracing: false, eslint: { ignoreDuringBuilds: true }, typescript: { ignoreBuildErrors: true } };
