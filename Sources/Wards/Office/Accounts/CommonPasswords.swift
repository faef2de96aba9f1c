import Foundation

/// The passwords that everybody tries first, by what they are made of (ASVS 5.0, 6.2.4): a common word or two, or a walk over
/// the keyboard, with digits and signs around and letters written as digits. Lists of the commonest passwords hold little else:
/// with the usual endings alone, `words` stands for more than 20,000 of ten characters and more.
enum CommonPasswords {
  /// - Parameter about: the login and the name.
  static func contains(_ password: String, about: [String] = []) -> Bool {
    let text = password.lowercased()
    if isRun(text) || Set(text).count < 5 || isRepeated(text) { return true }
    let own = about.flatMap { $0.lowercased().split { !$0.isLetter } }.map(String.init).filter { $0.count > 1 }
    // As it is written, and with the letters that digits and signs stand for.
    return [text, String(text.map { disguises[$0] ?? $0 })].contains { text in
      var (rest, found) = (text, Set<String>())
      for word in own + words where rest.contains(word) {
        rest = rest.replacingOccurrences(of: word, with: " ")
        if !walks.contains(word) { found.insert(word) }
      }
      let letters = rest.filter(\.isLetter)
      // Three words that have nothing in common are a good password, common as each may be.
      return found.subtracting(own).count < 3 && letters.count < (letters.utf8.count > letters.count ? 3 : 4)
    }
  }

  /// `123456`, `fedcba`, `1234567890`: nearly every character follows the one before.
  static func isRun(_ text: String) -> Bool {
    let points = text.unicodeScalars.map { Int($0.value) }
    let steps = zip(points, points.dropFirst()).map { $1 - $0 }
    return [1, -1].contains { step in steps.filter { $0 == step }.count * 10 >= steps.count * 8 }
  }

  /// The same up to six characters again and again.
  private static func isRepeated(_ text: String) -> Bool {
    let characters = Array(text)
    return (1...6).contains { size in
      characters.count >= 2 * size && characters.indices.allSatisfy { characters[$0] == characters[$0 % size] }
    }
  }

  private static let disguises: [Character: Character] = [
    "0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "@": "a", "$": "s", "!": "i", "|": "l",
  ]

  /// The longest first, so that no word hides in another.
  static let words: [String] = Set(
    walks + sorts.flatMap { $0.split { $0.isWhitespace } }.map(String.init)
  ).sorted { ($1.count, $0) < ($0.count, $1) }

  /// Along a keyboard's rows and down its columns, forth and back, and pairs of such: `1q2w3e4r5t`, `1qaz2wsx3edc`.
  private static let walks: Set<String> = {
    let rows = ["1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "azertyuiop"]
    let columns = ["1qaz", "2wsx", "3edc", "4rfv", "5tgb", "6yhn", "7ujm", "8ik", "9ol", "0p"]
    let zigzag = zip("1234567890", "qwertyuiop").map { "\($0)\($1)" }.joined()
    let turned = zip("qwertyuiop", "1234567890").map { "\($0)\($1)" }.joined()
    let lower = zip("qwertyuio", "asdfghjkl").map { "\($0)\($1)" }.joined()
    let lowest = zip("asdfghj", "zxcvbnm").map { "\($0)\($1)" }.joined()
    let long = rows + [zigzag, turned, lower, lowest]
    let pieces = long.flatMap { row -> [String] in
      let letters = Array(row)
      return (4...max(4, letters.count)).flatMap { size in
        (0...(letters.count - min(size, letters.count))).map { String(letters[$0..<min($0 + size, letters.count)]) }
      }
    }
    return Set((pieces + columns).flatMap { [$0, String($0.reversed())] })
  }()

  private static let sorts = [
    // What systems, offices and this one are called.
    """
    password passwort passw pass word admin administrator root user guest login logon signin system server service support
    manager master access account secret secure security private public office staff change changeme default temporary temp test
    testing tester demo sample example internet network computer laptop windows microsoft google apple android iphone samsung
    galaxy nokia sony toshiba fujitsu hitachi panasonic nintendo playstation facebook twitter youtube instagram yahoo gmail
    hotmail linkedin amazon adobe photoshop oracle cisco database letmein letme welcome hello goodbye whatever nothing trustno
    trustme iloveyou ilove loveyou love lover lovely loveme forever together baby babygirl babyboy honey sweet sweetie darling
    renkei bousai saigai hinan hinanjo kuyakusho yakusho shiyakusho ward city town emergency disaster shelter relief rescue
    tokyo shibuya shinjuku adachi koto chiyoda chuo minato bunkyo taito sumida shinagawa meguro ota setagaya nakano suginami
    toshima kita arakawa itabashi nerima katsushika edogawa osaka kyoto nagoya yokohama kobe fukuoka sapporo sendai hiroshima
    """,
    // Japanese that is typed in letters, and Japanese.
    """
    nihon nippon japan japanese sakura himawari hanako taro tarou yamada tanaka suzuki sato satou takahashi watanabe ito itou
    nakamura kobayashi kato katou yoshida sasaki yamamoto matsumoto inoue kimura hayashi shimizu yamazaki mori abe ikeda
    hashimoto ishikawa ogawa okada hasegawa fujita goto gotou kondo murakami endo aoki sakamoto saito saitou ohayou ohayo konnichiwa
    konbanwa arigato arigatou sayonara daisuki aishiteru kawaii genki ganbare ganbatte hajime yoroshiku tomodachi kazoku
    okaasan otousan onegai himitsu aikotoba angou naruto sasuke pikachu pokemon doraemon totoro gundam evangelion onepiece
    luffy dragonball goku conan shinchan kitty hellokitty rilakkuma ghibli mario luigi zelda sonic hikaru haruka yuki yuuki
    kaori takashi hiroshi kenji kenta daiki shota sora hana ichigo momo mikan ringo neko inu usagi kuma panda tora ryu
    パスワード 渋谷 足立 江東 東京 日本 区役所 避難所 防災 連携 さくら あいうえお いろはにほへと ひみつ おはよう こんにちは ありがとう
    """,
    // Names that lists of stolen passwords are full of.
    """
    michael jordan jennifer thomas michelle charlie andrew matthew joshua daniel ashley jessica robert william anthony justin
    nicole samantha amanda brandon hannah maggie taylor austin george martin richard patrick steven nathan nicholas alexander
    alexandra alexis christopher christian christina christine stephanie elizabeth victoria veronica vanessa natasha natalie
    melissa rebecca rachel sabrina sandra sophie caroline charlotte chelsea danielle gabriel gabriela isabella jasmine johnny
    jonathan joseph kimberly lauren madison maria mariana marina monica oliver olivia patricia phoenix prince princess queen king
    ronaldo messi beckham rooney eminem metallica nirvana beatles elvis marley michaeljackson barbie shakira rihanna beyonce
    angel angela angelina angelo antonio benjamin bernard bobby bradley brittany cameron carlos catherine claudia crystal david
    dennis diamond donald edward emily eric felix fernando francis frank gemini ginger gloria harold harley harry heather helena
    henry jackson jacob james jeremy john julian kevin laura leonardo linda lisa lucas luis margaret marcus mark mary max
    mercedes miguel morgan pamela paul peter pedro rafael raymond roberto rodrigo roger rosemary roxanne ruby russell sarah scott
    sebastian sergio simone stella stephen susan teresa timothy tiffany tyler vincent virginia walter wendy xavier zachary
    """,
    // What people like.
    """
    football baseball basketball soccer hockey tennis volleyball rugby golf swimming skateboard liverpool arsenal chelsea
    barcelona realmadrid juventus manchester united everton rangers celtic yankees cowboys steelers lakers bulls eagles redsox
    giants dodgers tigers dragons hawks swallows marines fighters carp baystars hanshin superman batman spiderman ironman
    wolverine starwars startrek skywalker darthvader matrix avatar hobbit gandalf merlin wizard potter harrypotter hogwarts
    dragon monkey tiger lion panther eagle falcon hawk shark dolphin butterfly turtle rabbit bunny kitten puppy horse snake spider scorpion
    wolf bear cat dog fish bird duck chicken cow pig elephant cheetah jaguar cobra python phantom shadow ghost vampire zombie
    demon devil hunter killer warrior soldier ninja samurai pirate knight sniper ranger marine viking spartan legend hero
    sunshine sunflower sunset summer winter spring autumn flower rose daisy lily jasmin rainbow moonlight starlight star moon sun
    sky ocean beach island mountain river forest thunder lightning storm snow fire water earth nature blue red green black white
    yellow orange purple pink silver golden gold platinum chocolate cookie cheese banana apple strawberry cherry lemon peach mango
    pepper ginger sugar candy coffee pizza burger pancake muffin peanut butter vanilla cocacola pepsi heineken budweiser jackdaniels
    music guitar piano drums singer dancer rockstar rock metal punk hiphop jazz blues freedom liberty justice peace hope faith
    heaven jesus christ jesuschrist god godisgood blessed blessing church bible grace trinity destiny happy lucky smile friend
    friends family mother father mommy daddy brother sister mylove mylife myspace school college student teacher doctor lawyer
    police ferrari porsche mustang corvette camaro mercedes toyota honda nissan subaru mazda suzuki yamaha kawasaki harley ducati
    money dollar million millionaire cash bank rich casino poker lucky jackpot winner champion number magic mystery
    genius einstein newton america american england canada australia germany france italy brazil mexico russia china korea india
    london paris berlin newyork chicago boston dallas texas florida california denver phoenix tinkerbell snoopy mickey mickeymouse minnie
    donald goofy garfield simpson bart homer scooby winnie pooh tigger bambi simba nemo shrek abc abcd abcde abcdef abcdefg
    xyz xxx qwe asd zxc wasd hacker matrix neo trinity morpheus ncc1701 thx1138 fuckyou fuckoff asshole bitch shit sexy hottie
    spongebob cheerleader slipknot linkinpark greenday tupac bubbles softball gangster playboy nevermind january february march april may june july august september october november december monday tuesday wednesday
    thursday friday saturday sunday one two three four five six seven eight nine ten zero hundred thousand first second third
    """,
  ]
}
