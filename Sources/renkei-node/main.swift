import Hummingbird
import Mustache
import NIOSSL
import GRDB
import Yams
import SwiftASN1
print(1)
