declare module "texts:console-pl" {
  const texts: Record<string, string>;
  export default texts;
}
declare module "texts:console-en" {
  const texts: Record<string, string>;
  export default texts;
}
declare module "texts:later-pl" {
  const texts: Record<string, string>;
  export default texts;
}
declare module "texts:later-en" {
  const texts: Record<string, string>;
  export default texts;
}
